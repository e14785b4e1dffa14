/** Whether one model is better than another on the same questions. */
import type { Rng } from '../core/rng.ts';
import { drawMeans, percentileInterval, widenedForFewClusters } from './bootstrap.ts';
import {
  type ClusterSums,
  clusteredMean,
  clusteredStandardError,
  sumByCluster,
} from './clusters.ts';
import type { Interval } from './quantile.ts';
import { drawBinomial } from './random-counts.ts';
import { groupAlike } from './resample.ts';

/** One question answered by two models, each answer with a score. */
export type PairedScore = {
  /** What the question is about, e.g. its image: questions about one image are not independent. */
  readonly cluster: string;
  readonly baseline: number;
  readonly candidate: number;
};

export type PairedDifference = {
  readonly questions: number;
  readonly clusters: number;
  readonly baselineMean: number;
  readonly candidateMean: number;
  /** Candidate − baseline. */
  readonly difference: number;
  /** Undefined for a single cluster. */
  readonly standardError: number | undefined;
  readonly interval: Interval;
  /** See {@link signFlipPValue}. */
  readonly pValue: number;
  /** Bootstrap draws of the difference, widened for few clusters, for combining tasks. */
  readonly draws: Float64Array;
};

/**
 * Difference in mean score with its cluster-bootstrap interval, widened for few clusters, and p-value.
 *
 * @param scores At least one; a single cluster gives an interval without width, which says nothing.
 * @param draws @default 10000; about 0.1 s for right-or-wrong answers, 1 s for 1,000 clusters of graded ones
 * @example
 * ```ts
 * const { difference, interval, pValue } = pairedDifference(
 *   [{ cluster: 'image 1', baseline: 0.2, candidate: 0.8 }],
 *   rngFromKey('comparison/1'),
 * );
 * ```
 */
export function pairedDifference(
  scores: readonly PairedScore[],
  rng: Rng,
  draws = 10_000,
): PairedDifference {
  const gains = sumByCluster(
    scores.map(({ cluster, baseline, candidate }) => ({ cluster, value: candidate - baseline })),
  );
  const drawn = widenedForFewClusters(drawMeans(gains, rng, draws), gains);
  return {
    questions: scores.length,
    clusters: gains.values.length,
    baselineMean: mean(scores.map(({ baseline }) => baseline)),
    candidateMean: mean(scores.map(({ candidate }) => candidate)),
    difference: clusteredMean(gains),
    standardError: clusteredStandardError(gains),
    interval: percentileInterval(drawn),
    pValue: signFlipPValue(gains, rng, draws),
    draws: drawn,
  };
}

/**
 * Two-sided p-value of no difference: how often the mean gain is at least as large when every cluster's
 * gain has a random sign. This is the wild cluster bootstrap with the null imposed (Cameron, Gelbach and
 * Miller 2008, Rev. Econ. Stat. 90); on independent right-or-wrong answers it nears exact McNemar. Unlike a
 * count of bootstrap draws beyond 0 it stays honest with few clusters: one cluster gives 1.
 *
 * The data count as one of the draws (Davison and Hinkley 1997, 4.2), so it never is 0.
 * @example
 * ```ts
 * signFlipPValue(sumByCluster(gains), rngFromKey('comparison/1'));
 * ```
 */
export function signFlipPValue(gains: ClusterSums, rng: Rng, draws = 10_000): number {
  const observed = Math.abs(gains.values.reduce((sum, gain) => sum + gain, 0));
  // Sums of the same terms in another order may differ by rounding alone.
  const least = observed * (1 - 1e-12);
  const sizes = groupAlike([...gains.values.map(Math.abs)].filter(Boolean), String);
  let asLarge = 1;
  for (let draw = 0; draw < draws; draw++) {
    let sum = 0;
    for (const [kind, count] of sizes.counts.entries()) {
      sum += (2 * drawBinomial(count, 0.5, rng) - count) * (sizes.examples[kind] ?? 0);
    }
    if (Math.abs(sum) >= least) asLarge++;
  }
  return asLarge / (draws + 1);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
