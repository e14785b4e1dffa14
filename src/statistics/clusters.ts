/**
 * Values in clusters (answers about one image or one patient), which resemble each other and so weigh
 * less than as many independent ones. Everything about a mean needs only two sums a cluster.
 */
import { requireArguments } from '../core/errors.ts';

export type ClusteredValue = {
  /** What values belong together, e.g. the id of the image. */
  readonly cluster: string;
  readonly value: number;
  /**
   * What the value is a part of, 0 or more: the mean is the sum of values over the sum of weights. With
   * another score as the weight the mean is the ratio of the two scores. @default 1
   */
  readonly weight?: number;
};

/** One entry a cluster, in the order of the clusters' names. */
export type ClusterSums = { readonly values: Float64Array; readonly weights: Float64Array };

/**
 * Sums by cluster. The order of the rows makes no difference, apart from the rounding of values that are
 * not whole.
 *
 * @param rows At least one, with a weight above 0 among them.
 * @example
 * ```ts
 * sumByCluster([
 *   { cluster: 'patient 1', value: 1 },
 *   { cluster: 'patient 1', value: 0 },
 *   { cluster: 'patient 2', value: 1 },
 * ]);
 * ```
 */
export function sumByCluster(rows: Iterable<ClusteredValue>): ClusterSums {
  const sums = new Map<string, { value: number; weight: number }>();
  for (const { cluster, value, weight = 1 } of rows) {
    const sum = sums.get(cluster);
    if (sum === undefined) {
      sums.set(cluster, { value, weight });
      continue;
    }
    sum.value += value;
    sum.weight += weight;
  }
  const sorted = [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
  const weights = Float64Array.from(sorted, ({ weight }) => weight);
  requireArguments(total(weights) > 0, 'values with a weight above 0');
  return { values: Float64Array.from(sorted, ({ value }) => value), weights };
}

/**
 * Mean over all rows; large clusters count more.
 * @example
 * ```ts
 * clusteredMean(sumByCluster(rows));
 * ```
 */
export function clusteredMean({ values, weights }: ClusterSums): number {
  return total(values) / total(weights);
}

/**
 * Standard error of {@link clusteredMean} when clusters, not rows, were drawn at random (Liang and Zeger
 * 1986, Biometrika 73; for evaluations Miller 2024, arXiv 2411.00640). Differs from the latter by the
 * factor √(C/(C−1)) for C clusters, without which few clusters look too sure.
 *
 * @returns Undefined for a single cluster, which cannot tell how clusters vary.
 * @example
 * ```ts
 * clusteredStandardError(sumByCluster(rows));
 * ```
 */
export function clusteredStandardError(sums: ClusterSums): number | undefined {
  const clusters = sums.values.length;
  if (clusters < 2) return undefined;
  const mean = clusteredMean(sums);
  const squares = sums.values.reduce(
    (sum, value, c) => sum + (value - mean * (sums.weights[c] ?? 0)) ** 2,
    0,
  );
  return Math.sqrt((clusters / (clusters - 1)) * squares) / total(sums.weights);
}

function total(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}
