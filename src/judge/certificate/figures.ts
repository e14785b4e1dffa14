/**
 * How well verdicts agree with labels. Every figure rests on the first round alone, since in use a judge
 * is asked once, and so that trials are independent; later rounds tell only whether a verdict lasts. A
 * failed question is no wrong verdict: it leaves the rates and shows in the coverage.
 */
import { z } from 'zod';
import { defined } from '../../core/errors.ts';
import { cohenKappa, type RatingPair } from '../../statistics/agreement.ts';
import { wilsonInterval } from '../../statistics/proportion.ts';
import type { Trial } from './trials.ts';

/** A proportion with its 95 % Wilson interval. */
export const rateSchema = z.object({
  value: z.number().min(0).max(1),
  low: z.number(),
  high: z.number(),
  /** Trials it rests on. */
  of: z.int().positive(),
});
export type Rate = z.infer<typeof rateSchema>;

/** Agreement beyond chance (Cohen 1960) with its 95 % interval. */
export const kappaSchema = z.object({ value: z.number(), low: z.number(), high: z.number() });

/** A figure is null where nothing was there to take it from. */
export const figuresSchema = z.object({
  probes: z.int().positive(),
  /** Share of the probes with a verdict. */
  coverage: rateSchema,
  /** Share of right answers that passed. */
  sensitivity: rateSchema.nullable(),
  /** Share of wrong answers that were refused. */
  specificity: rateSchema.nullable(),
  accuracy: rateSchema.nullable(),
  /** Agreement of verdicts with labels; null also where right or wrong answers are missing. */
  kappa: kappaSchema.nullable(),
  /** Probes without a verdict, by cause. */
  unscored: z.record(z.string(), z.int().positive()),
  /** Share of the judge's replies that held no verdict. */
  abstention: rateSchema.nullable(),
  /** Share of the probes judged in several rounds whose verdicts are not all the same. */
  flips: rateSchema.nullable(),
});
export type Figures = z.infer<typeof figuresSchema>;

/** Two raters of one thing. */
export type VerdictPair = RatingPair<boolean>;

/** @param trials At least one. */
export function figuresOf(trials: readonly Trial[]): Figures {
  const pairs = trials.flatMap((trial): VerdictPair[] => {
    const verdict = verdictOf(trial);
    return verdict === undefined ? [] : [[trial.probe.correct, verdict]];
  });
  const right = pairs.filter(([label]) => label);
  const wrong = pairs.filter(([label]) => !label);
  const unscored = countCauses(trials);
  const lasting = trials.flatMap(lastsOf);
  const abstained = unscored['unparsable'] ?? 0;
  return {
    probes: trials.length,
    coverage: defined(rateOf(pairs.length, trials.length), 'coverage of some probes'),
    sensitivity: rateOf(right.filter(agrees).length, right.length),
    specificity: rateOf(wrong.filter(agrees).length, wrong.length),
    accuracy: rateOf(pairs.filter(agrees).length, pairs.length),
    kappa: right.length > 0 && wrong.length > 0 ? kappaOf(pairs) : null,
    unscored,
    abstention: rateOf(abstained, pairs.length + abstained),
    flips: rateOf(lasting.filter((lasts) => !lasts).length, lasting.length),
  };
}

/** The verdict of the first round; undefined where it failed. */
export function verdictOf({ outcomes }: Trial): boolean | undefined {
  const first = outcomes[0];
  return first?.kind === 'judged' ? first.correct : undefined;
}

export function rateOf(count: number, of: number): Rate | null {
  if (of === 0) return null;
  return { value: count / of, ...wilsonInterval(count, of), of };
}

/** Null where two raters cannot agree beyond chance, since both gave one and the same verdict throughout. */
export function kappaOf(pairs: readonly VerdictPair[]): Figures['kappa'] {
  const said = new Set(pairs.flat());
  if (said.size < 2) return null;
  const { kappa, interval } = cohenKappa(pairs);
  return { value: kappa, ...interval };
}

function agrees([one, other]: VerdictPair): boolean {
  return one === other;
}

function countCauses(trials: readonly Trial[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcomes } of trials) {
    const first = outcomes[0];
    if (first?.kind !== 'unscored') continue;
    counts[first.cause] = (counts[first.cause] ?? 0) + 1;
  }
  return counts;
}

/** Whether all verdicts on a probe are the same; nothing where there are fewer than two. */
function lastsOf({ outcomes }: Trial): boolean[] {
  const verdicts = outcomes.flatMap((one) => (one.kind === 'judged' ? [one.correct] : []));
  return verdicts.length < 2 ? [] : [new Set(verdicts).size === 1];
}
