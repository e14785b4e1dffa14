/**
 * Accuracy with the judge's own errors taken out (Rogan and Gladen 1978, Am. J. Epidemiol. 107). A judge
 * passes a share `accuracy × sensitivity + (1 − accuracy) × (1 − specificity)` of the answers; solved for
 * the accuracy. Assumes that the judge errs here as often as on the labelled answers.
 */
import type { Rng } from '../core/rng.ts';
import { percentileInterval } from './bootstrap.ts';
import { z95 } from './normal.ts';
import type { Count } from './proportion.ts';
import type { Interval } from './quantile.ts';
import { drawBeta } from './random-counts.ts';

/** What a judge did on labelled answers, each count of at least one. */
export type JudgeRates = {
  /** Right answers, and how many of them passed. */
  readonly sensitivity: Count;
  /** Wrong answers, and how many of them were refused. */
  readonly specificity: Count;
};

type Uncorrectable = { readonly kind: 'uncorrectable'; readonly reason: string };

export type Corrected =
  | {
      readonly kind: 'corrected';
      /** In [0, 1]. */
      readonly accuracy: number;
      /** Includes what is unknown of sensitivity and specificity; clipped to [0, 1]. */
      readonly interval: Interval;
    }
  | Uncorrectable;

/** Sensitivities and specificities that the labelled answers leave possible, draw by draw. */
export type JudgeDraws = {
  readonly sensitivities: Float64Array;
  readonly specificities: Float64Array;
};

/**
 * Corrected accuracy of independent answers. The interval is that of Lang and Reiczigel (2014, Prev. Vet.
 * Med. 113), a delta method that holds also where a judge made no error on few labelled answers.
 *
 * @param passed Answers judged, and how many of them passed.
 * @example
 * ```ts
 * // Of 200 answers the judge passed 150; on labelled ones it passed 95 of 100 right and refused 90 of 100 wrong.
 * correctProportion(
 *   { successes: 150, trials: 200 },
 *   { sensitivity: { successes: 95, trials: 100 }, specificity: { successes: 90, trials: 100 } },
 * );
 * ```
 */
export function correctProportion(passed: Count, rates: JudgeRates): Corrected {
  const uncorrectable = whyUncorrectable(rates);
  if (uncorrectable !== undefined) return uncorrectable;
  const accuracy = roganGladen(
    shareOf(passed),
    shareOf(rates.sensitivity),
    shareOf(rates.specificity),
  );
  const shown = padded(passed, (z95 * z95) / 2);
  const sensitivity = padded(rates.sensitivity, 1);
  const specificity = padded(rates.specificity, 1);
  const [p, se, sp] = [shareOf(shown), shareOf(sensitivity), shareOf(specificity)];
  const centre = (p + sp - 1) / (se + sp - 1);
  const fromSensitivity = varianceOf(sensitivity);
  const fromSpecificity = varianceOf(specificity);
  const shift = 2 * z95 ** 2 * (centre * fromSensitivity - (1 - centre) * fromSpecificity);
  const variance =
    varianceOf(shown) + centre ** 2 * fromSensitivity + (1 - centre) ** 2 * fromSpecificity;
  const halfWidth = (z95 * Math.sqrt(variance)) / (se + sp - 1);
  return {
    kind: 'corrected',
    accuracy,
    interval: around(accuracy, {
      low: clip(centre + shift - halfWidth),
      high: clip(centre + shift + halfWidth),
    }),
  };
}

/**
 * Draws of the judge's rates given its labelled answers, from a uniform prior. Make them once for all
 * figures of one judge: its errors are the same in every task, and so do not average out over tasks.
 *
 * @param draws As many as there are of the mean to be corrected.
 * @example
 * ```ts
 * const judge = drawJudgeRates(rates, rngFromKey('judge/1'), draws.length);
 * ```
 */
export function drawJudgeRates(rates: JudgeRates, rng: Rng, draws = 1000): JudgeDraws {
  const drawOf =
    ({ successes, trials }: Count) =>
    () =>
      drawBeta(successes + 1, trials - successes + 1, rng);
  return {
    sensitivities: Float64Array.from({ length: draws }, drawOf(rates.sensitivity)),
    specificities: Float64Array.from({ length: draws }, drawOf(rates.specificity)),
  };
}

/**
 * Corrected accuracy of clustered answers, or of a macro mean over tasks: every bootstrap draw is corrected
 * by one draw of the judge's rates.
 *
 * @param mean Share of answers that passed, and `means` its bootstrap draws.
 * @example
 * ```ts
 * correctMean(clusteredMean(sums), draws, rates, drawJudgeRates(rates, rngFromKey('judge/1')));
 * ```
 */
export function correctMean(
  mean: number,
  means: Float64Array,
  rates: JudgeRates,
  judge: JudgeDraws,
): Corrected {
  const uncorrectable = whyUncorrectable(rates);
  if (uncorrectable !== undefined) return uncorrectable;
  const corrected = means.map((one, draw) =>
    roganGladen(one, judge.sensitivities[draw] ?? 1, judge.specificities[draw] ?? 1),
  );
  const accuracy = roganGladen(mean, shareOf(rates.sensitivity), shareOf(rates.specificity));
  return {
    kind: 'corrected',
    accuracy,
    interval: around(accuracy, percentileInterval(corrected)),
  };
}

/**
 * A judge that passes wrong answers as readily as right ones tells nothing about accuracy, and one that
 * merely may do so leaves every accuracy possible.
 */
function whyUncorrectable({ sensitivity, specificity }: JudgeRates): Uncorrectable | undefined {
  const [one, other] = [padded(sensitivity, 1), padded(specificity, 1)];
  const informedness = shareOf(one) + shareOf(other) - 1;
  if (informedness > z95 * Math.sqrt(varianceOf(one) + varianceOf(other))) return undefined;
  const shown = (count: Count) => `${shareOf(count).toFixed(3)} (of ${count.trials})`;
  return {
    kind: 'uncorrectable',
    reason: `the judge does not surely tell right from wrong: sensitivity ${shown(sensitivity)} and specificity ${shown(specificity)} may add up to 1`,
  };
}

/** Beyond what the rates allow, the nearest of 0 and 1; so also in the limit of a judge without a clue. */
function roganGladen(passed: number, sensitivity: number, specificity: number): number {
  const excess = passed + specificity - 1;
  const informedness = sensitivity + specificity - 1;
  return clip(informedness > 0 ? excess / informedness : excess > 0 ? 1 : 0);
}

/** Rates that allow for errors not yet seen may leave the accuracy by the rates seen outside. */
function around(accuracy: number, { low, high }: Interval): Interval {
  return { low: Math.min(accuracy, low), high: Math.max(accuracy, high) };
}

/** With as many more successes and as many more failures. */
function padded({ successes, trials }: Count, more: number): Count {
  return { successes: successes + more, trials: trials + 2 * more };
}

function shareOf({ successes, trials }: Count): number {
  return successes / trials;
}

function varianceOf(count: Count): number {
  return (shareOf(count) * (1 - shareOf(count))) / count.trials;
}

function clip(value: number): number {
  return Math.min(1, Math.max(0, value));
}
