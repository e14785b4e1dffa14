/** Two models on the same right-or-wrong questions. */
import type { Rng } from '../core/rng.ts';
import { pairedDifference } from './paired.ts';
import type { Interval } from './quantile.ts';

/** One question answered by two models. */
export type PairedAnswer = {
  /** What the question is about, e.g. its image: questions about one image are not independent. */
  readonly cluster: string;
  readonly baselineCorrect: boolean;
  readonly candidateCorrect: boolean;
};

export type PairedComparison = {
  readonly questions: number;
  readonly clusters: number;
  readonly baselineAccuracy: number;
  readonly candidateAccuracy: number;
  /** Candidate − baseline, in [-1, 1]. */
  readonly gain: number;
  readonly gainInterval: Interval;
  /** Questions that only one of them got right. */
  readonly onlyBaseline: number;
  readonly onlyCandidate: number;
  /** Exact McNemar; treats questions as independent, so with large clusters trust the interval. */
  readonly pValue: number;
};

/**
 * Compares two models on the questions that both have answered and a judge has scored; at least one.
 *
 * @param draws As in {@link pairedDifference}.
 * @example
 * ```ts
 * comparePaired(
 *   [{ cluster: 'image 1', baselineCorrect: false, candidateCorrect: true }],
 *   rngFromKey('comparison/1'),
 * ).gain; // 1
 * ```
 */
export function comparePaired(
  answers: readonly PairedAnswer[],
  rng: Rng,
  draws?: number,
): PairedComparison {
  const count = (holds: (answer: PairedAnswer) => boolean) => answers.filter(holds).length;
  const onlyBaseline = count((one) => one.baselineCorrect && !one.candidateCorrect);
  const onlyCandidate = count((one) => one.candidateCorrect && !one.baselineCorrect);
  const difference = pairedDifference(
    answers.map(({ cluster, baselineCorrect, candidateCorrect }) => ({
      cluster,
      baseline: Number(baselineCorrect),
      candidate: Number(candidateCorrect),
    })),
    rng,
    draws,
  );
  return {
    questions: difference.questions,
    clusters: difference.clusters,
    baselineAccuracy: difference.baselineMean,
    candidateAccuracy: difference.candidateMean,
    gain: difference.difference,
    gainInterval: difference.interval,
    onlyBaseline,
    onlyCandidate,
    pValue: mcnemarPValue(onlyBaseline, onlyCandidate),
  };
}

/**
 * The exact p-value of McNemar's test (1947, Psychometrika 12), two-sided: how likely so uneven a split of
 * the questions that exactly one model got right is, if both models are equally good. 1 when there is no
 * such question.
 * @example
 * ```ts
 * mcnemarPValue(5, 15); // 0.041…
 * ```
 */
export function mcnemarPValue(onlyBaseline: number, onlyCandidate: number): number {
  const discordant = onlyBaseline + onlyCandidate;
  const fewer = Math.min(onlyBaseline, onlyCandidate);
  // Terms of the binomial distribution by recurrence, as logarithms: 2^-n underflows from n = 1075 on.
  let logTerm = -discordant * Math.LN2;
  let tail = Math.exp(logTerm);
  for (let k = 1; k <= fewer; k++) {
    logTerm += Math.log((discordant - k + 1) / k);
    tail += Math.exp(logTerm);
  }
  return Math.min(1, 2 * tail);
}
