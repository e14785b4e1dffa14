/**
 * Statistics of right and wrong answers: how sure an accuracy is, and whether one model is better than
 * another on the same questions. Confidence is 95 % throughout. Pure, but for the given generator.
 */
import { invariant } from '../core/errors.ts';
import type { Rng } from '../core/rng.ts';

export type Interval = { readonly low: number; readonly high: number };

/** One question answered by two models. */
export type PairedAnswer = {
  /** What the question is about, e.g. its study id: questions about one study are not independent. */
  readonly cluster: string;
  readonly baselineCorrect: boolean;
  readonly candidateCorrect: boolean;
};

/** Two-sided 95 % quantile of the standard normal distribution. */
const z = 1.959963984540054;

/**
 * Wilson's score interval of a proportion (Wilson 1927), without continuity correction. Holds for few
 * trials and for proportions of 0 and 1, where the normal interval has no width.
 *
 * @param trials At least 1.
 */
export function wilsonInterval(successes: number, trials: number): Interval {
  invariant(
    trials >= 1 && successes >= 0 && successes <= trials,
    'successes are some of the trials',
  );
  const proportion = successes / trials;
  const scale = 1 + (z * z) / trials;
  const centre = (proportion + (z * z) / (2 * trials)) / scale;
  const variance = (proportion * (1 - proportion)) / trials + (z * z) / (4 * trials * trials);
  const halfWidth = (z * Math.sqrt(variance)) / scale;
  return {
    low: successes === 0 ? 0 : centre - halfWidth,
    high: successes === trials ? 1 : centre + halfWidth,
  };
}

/**
 * The exact p-value of McNemar's test, two-sided: how likely so uneven a split of the questions that
 * exactly one model got right is, if both models are equally good. 1 when there is no such question.
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

/**
 * Percentile interval of the difference in accuracy (candidate − baseline) from resampled clusters, drawn
 * with replacement and kept whole (cluster bootstrap; Efron and Tibshirani 1993). The same generator
 * state gives the same interval.
 *
 * @param resamples Default 10,000.
 */
export function bootstrapDifference(
  answers: readonly PairedAnswer[],
  rng: Rng,
  resamples = 10_000,
): Interval {
  invariant(answers.length >= 1, 'a difference over no answers');
  const clusters = clusterTotals(answers);
  const differences = Float64Array.from({ length: resamples }, () => {
    let gain = 0;
    let size = 0;
    for (let draw = 0; draw < clusters.length; draw++) {
      const cluster = rng.pick(clusters);
      gain += cluster.gain;
      size += cluster.size;
    }
    return gain / size;
  }).sort();
  return { low: quantile(differences, 0.025), high: quantile(differences, 0.975) };
}

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

/** Compares two models on the questions that both have answered and a judge has scored; at least one. */
export function comparePaired(answers: readonly PairedAnswer[], rng: Rng): PairedComparison {
  const count = (holds: (answer: PairedAnswer) => boolean) => answers.filter(holds).length;
  const onlyBaseline = count((one) => one.baselineCorrect && !one.candidateCorrect);
  const onlyCandidate = count((one) => one.candidateCorrect && !one.baselineCorrect);
  const questions = answers.length;
  return {
    questions,
    clusters: new Set(answers.map(({ cluster }) => cluster)).size,
    baselineAccuracy: count((one) => one.baselineCorrect) / questions,
    candidateAccuracy: count((one) => one.candidateCorrect) / questions,
    gain: (onlyCandidate - onlyBaseline) / questions,
    gainInterval: bootstrapDifference(answers, rng),
    onlyBaseline,
    onlyCandidate,
    pValue: mcnemarPValue(onlyBaseline, onlyCandidate),
  };
}

function clusterTotals(answers: readonly PairedAnswer[]) {
  const totals = new Map<string, { gain: number; size: number }>();
  for (const { cluster, baselineCorrect, candidateCorrect } of answers) {
    const total = totals.get(cluster) ?? { gain: 0, size: 0 };
    total.gain += Number(candidateCorrect) - Number(baselineCorrect);
    total.size++;
    totals.set(cluster, total);
  }
  return [...totals.values()];
}

/** Linear interpolation between the order statistics of sorted values. */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? 0;
  const above = sorted[Math.ceil(position)] ?? 0;
  return below + (above - below) * (position % 1);
}
