/**
 * Choosing the cosine from which two answers count as the same, for one encoder. Encoders spread their
 * cosines differently, so a threshold found for one (the paper's 0.8 for MedEmbed-large) says nothing
 * about another.
 */
import { defined } from '../../core/errors.ts';
import type { Rng } from '../../core/rng.ts';
import { type Interval, quantile } from '../../statistics/quantile.ts';
import {
  auc,
  bestF1Point,
  pointAtSpecificity,
  rocCurve,
  youdenPoint,
} from '../../statistics/roc.ts';

/** A labelled answer and its similarity to the reference. */
export type LabelledCosine = {
  /** Answers to one question are drawn together, since they share references. */
  readonly question: string;
  readonly correct: boolean;
  readonly cosine: number;
};

/** What a threshold does to the labelled answers. */
export type ThresholdChoice = {
  /** Least cosine that passes, to four digits: half-way to the next lower one seen. */
  readonly at: number;
  /** 95 % interval of `at`. */
  readonly interval: Interval;
  /** Share of right answers passed. */
  readonly sensitivity: number;
  /** Share of wrong answers refused. */
  readonly specificity: number;
  /** Harmonic mean of sensitivity and of the share of right ones among those passed. */
  readonly f1: number;
};

export type Calibration = {
  readonly right: number;
  readonly wrong: number;
  /** Probability that a right answer is nearer to its reference than a wrong one to its own. */
  readonly auc: { readonly value: number; readonly interval: Interval };
  /** Largest sensitivity + specificity (Youden 1950). */
  readonly youden: ThresholdChoice;
  /** Lowest threshold that refuses 95 % of the wrong answers; absent where none does. */
  readonly strict?: ThresholdChoice;
  readonly bestF1: ThresholdChoice;
};

/** Specificity of {@link Calibration.strict}. */
export const strictSpecificity = 0.95;

/**
 * @param pairs Right and wrong ones, at least one of each.
 * @param draws Bootstrap draws of questions behind every interval; those that hold only right or only
 *   wrong answers are passed over. @default 1000 (under a second for 500 pairs)
 */
export function calibrateThreshold(
  pairs: readonly LabelledCosine[],
  rng: Rng,
  draws = 1000,
): Calibration {
  const chosen = defined(chooseThresholds(pairs), 'right and wrong answers to calibrate on');
  const questions = groupByQuestion(pairs);
  const drawn = Array.from({ length: draws }, () =>
    chooseThresholds(questions.flatMap(() => rng.pick(questions))),
  ).filter((choice) => choice !== undefined);
  const describeChoice = (name: 'youden' | 'strict' | 'bestF1', at: number): ThresholdChoice => {
    const rounded = Math.round(at * 1e4) / 1e4;
    return {
      at: rounded,
      interval: intervalOf(drawn.flatMap((choice) => choice[name] ?? [])),
      ...figuresAt(rounded, pairs),
    };
  };
  const right = pairs.filter(({ correct }) => correct).length;
  return {
    right,
    wrong: pairs.length - right,
    auc: { value: chosen.auc, interval: intervalOf(drawn.map((choice) => choice.auc)) },
    youden: describeChoice('youden', chosen.youden),
    ...(chosen.strict === undefined ? {} : { strict: describeChoice('strict', chosen.strict) }),
    bestF1: describeChoice('bestF1', chosen.bestF1),
  };
}

type Choice = {
  readonly auc: number;
  readonly youden: number;
  readonly strict?: number;
  readonly bestF1: number;
};

/** Undefined where all pairs are right, or all wrong. */
function chooseThresholds(pairs: readonly LabelledCosine[]): Choice | undefined {
  if (new Set(pairs.map(({ correct }) => correct)).size < 2) return undefined;
  const scored = pairs.map(({ correct, cosine }) => ({ score: cosine, isPositive: correct }));
  const curve = rocCurve(scored);
  const strict = pointAtSpecificity(curve, strictSpecificity);
  return {
    auc: auc(scored).auc,
    youden: youdenPoint(curve).threshold,
    ...(strict === undefined ? {} : { strict: strict.threshold }),
    bestF1: bestF1Point(curve).threshold,
  };
}

function figuresAt(at: number, pairs: readonly LabelledCosine[]) {
  const count = (correct: boolean, passed: boolean) =>
    pairs.filter((pair) => pair.correct === correct && pair.cosine >= at === passed).length;
  const hits = count(true, true);
  const misses = count(true, false);
  const falseAlarms = count(false, true);
  return {
    sensitivity: hits / (hits + misses),
    specificity: count(false, false) / (falseAlarms + count(false, false)),
    f1: (2 * hits) / (2 * hits + misses + falseAlarms),
  };
}

function groupByQuestion(pairs: readonly LabelledCosine[]): LabelledCosine[][] {
  const groups = new Map<string, LabelledCosine[]>();
  for (const pair of pairs) {
    const group = groups.get(pair.question);
    if (group === undefined) groups.set(pair.question, [pair]);
    else group.push(pair);
  }
  return [...groups.values()];
}

/** Percentile interval, 95 %. */
function intervalOf(values: readonly number[]): Interval {
  const sorted = Float64Array.from(values).sort();
  return { low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) };
}
