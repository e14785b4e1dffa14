/** Scores of repeated answers to the same questions. */
import { requireArguments } from '../core/errors.ts';
import {
  type ClusteredValue,
  clusteredMean,
  clusteredStandardError,
  sumByCluster,
} from './clusters.ts';

export type EpochValue = ClusteredValue & { readonly epoch: number };

export type EpochSpread = {
  /** Over all epochs. */
  readonly mean: number;
  /** Mean of each epoch, by number. */
  readonly epochMeans: readonly { readonly epoch: number; readonly mean: number }[];
  /**
   * Standard deviation of the epoch means: only what sampling the answers again changes. Undefined for one
   * epoch.
   */
  readonly standardDeviation: number | undefined;
  /**
   * Standard error of `mean`, over questions and epochs together: answers to one question stay in its
   * cluster, so that more epochs do not pass for more questions. Undefined for one cluster.
   */
  readonly standardError: number | undefined;
};

/**
 * @param values At least one.
 * @example
 * ```ts
 * spreadOverEpochs([
 *   { cluster: 'question 1', epoch: 0, value: 1 },
 *   { cluster: 'question 1', epoch: 1, value: 0 },
 * ]).standardDeviation;
 * ```
 */
export function spreadOverEpochs(values: readonly EpochValue[]): EpochSpread {
  requireArguments(values.length >= 1, 'at least one value');
  const byEpoch = new Map<number, EpochValue[]>();
  for (const one of values) {
    const epoch = byEpoch.get(one.epoch);
    if (epoch === undefined) byEpoch.set(one.epoch, [one]);
    else epoch.push(one);
  }
  const epochMeans = [...byEpoch]
    .sort(([a], [b]) => a - b)
    .map(([epoch, rows]) => ({ epoch, mean: clusteredMean(sumByCluster(rows)) }));
  const sums = sumByCluster(values);
  return {
    mean: clusteredMean(sums),
    epochMeans,
    standardDeviation: deviationOf(epochMeans.map(({ mean }) => mean)),
    standardError: clusteredStandardError(sums),
  };
}

function deviationOf(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}
