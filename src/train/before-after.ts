/** What training changed: the same questions answered before and after, scored by the same reward. */
import { invariant } from '../core/errors.ts';
import { rngFromKey } from '../core/rng.ts';
import type { ComponentName } from '../reward/score.ts';
import { comparePaired } from '../statistics/mcnemar.ts';
import type { ScoredRollout } from './score-rollouts.ts';

/** Means over the questions that have a score, each in [0, 1]. */
export type ScoreSummary = {
  readonly reward: number;
  /** Share that the judge takes for right. */
  readonly accuracy: number;
  readonly similarity: number;
  readonly format: number;
  readonly modality: number;
};

export type BeforeAfter = {
  /** Questions with a score before and after. */
  readonly questions: number;
  readonly before: ScoreSummary;
  readonly after: ScoreSummary;
  readonly accuracyGain: {
    /** Percentage points. */
    readonly points: number;
    /** 95 % bootstrap interval over studies, in percentage points. */
    readonly ci95: readonly [low: number, high: number];
  };
  /** Exact McNemar test that right and wrong changed places equally often. */
  readonly mcnemarP: number;
};

/** @param before and `after` answers to the same samples in the same order, one rollout each. */
export function compareBeforeAfter(
  before: readonly ScoredRollout[],
  after: readonly ScoredRollout[],
  seed: number,
): BeforeAfter {
  invariant(before.length === after.length, 'both evaluations answer the same questions');
  const pairs = before.flatMap((one, i) => {
    const other = after[i];
    invariant(one.rollout.sample.id === other?.rollout.sample.id, 'answers in the same order');
    const bothScored = one.outcome.kind === 'scored' && other.outcome.kind === 'scored';
    return bothScored ? [[one, other] as const] : [];
  });
  const comparison = comparePaired(
    pairs.map(([one, other]) => ({
      cluster: one.rollout.sample.id,
      baselineCorrect: isCorrect(one),
      candidateCorrect: isCorrect(other),
    })),
    rngFromKey(`bootstrap/${seed}`),
  );
  const { low, high } = comparison.gainInterval;
  return {
    questions: pairs.length,
    before: summarise(pairs.map(([one]) => one)),
    after: summarise(pairs.map(([, other]) => other)),
    accuracyGain: { points: 100 * comparison.gain, ci95: [100 * low, 100 * high] },
    mcnemarP: comparison.pValue,
  };
}

export function isCorrect(scored: ScoredRollout): boolean {
  return componentValue(scored, 'judge') === 1;
}

function summarise(scored: readonly ScoredRollout[]): ScoreSummary {
  const mean = (value: (one: ScoredRollout) => number) =>
    scored.reduce((total, one) => total + value(one), 0) / scored.length;
  return {
    reward: mean(({ outcome }) => (outcome.kind === 'scored' ? outcome.reward : Number.NaN)),
    accuracy: mean((one) => componentValue(one, 'judge')),
    similarity: mean((one) => componentValue(one, 'similarity')),
    format: mean((one) => componentValue(one, 'format')),
    modality: mean((one) => componentValue(one, 'modality')),
  };
}

/** NaN for a component without a value, which a scored rollout of an image never has. */
function componentValue({ outcome }: ScoredRollout, name: ComponentName): number {
  const score = outcome.components[name];
  return score?.kind === 'scored' ? score.value : Number.NaN;
}
