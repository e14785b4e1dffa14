/** Shares with intervals that allow for what belongs together. */
import {
  type ClusterSums,
  clusteredMean,
  clusteredStandardError,
  sumByCluster,
} from '../../statistics/clusters.ts';
import { wilsonInterval } from '../../statistics/proportion.ts';
import type { Interval } from '../../statistics/quantile.ts';

export type Share = {
  /** In [0, 1]. */
  readonly value: number;
  readonly interval: Interval;
  /** Observations it rests on. */
  readonly of: number;
  /** Groups of them that are not independent. */
  readonly clusters: number;
};

export type Observation = {
  /** Observations of one cluster (image, patient) are not independent, whoever rates them. */
  readonly cluster: string;
  readonly holds: boolean;
};

/**
 * Share of the observations that hold; null where there are none. The interval is Wilson's at the effective
 * number of observations, n / design effect (Kish 1965), which does well for the small samples of a
 * review (Dean and Pagano 2015, J. Surv. Stat. Methodol. 3) where a bootstrap of clusters is too narrow,
 * and of no width at 0 and 1. With one observation a cluster it is Wilson's interval.
 */
export function shareOf(observations: readonly Observation[]): Share | null {
  const of = observations.length;
  if (of === 0) return null;
  const sums = sumByCluster(
    observations.map(({ cluster, holds }) => ({ cluster, value: Number(holds) })),
  );
  const value = clusteredMean(sums);
  const effective = effectiveCount(of, value, sums);
  const interval = wilsonInterval(value * effective, effective);
  return { value, interval, of, clusters: sums.values.length };
}

/**
 * Never more than the observations. Where clusters do not differ, which says little of how they vary, each
 * counts once.
 */
function effectiveCount(of: number, value: number, sums: ClusterSums): number {
  const clusters = sums.values.length;
  const error = clusters === of ? undefined : clusteredStandardError(sums);
  if (error === undefined || error === 0) return clusters;
  const independent = (value * (1 - value)) / (of - 1);
  return Math.min(of, (of * independent) / error ** 2);
}
