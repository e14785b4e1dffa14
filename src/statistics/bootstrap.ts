/**
 * The cluster bootstrap: how a mean would vary had other clusters been drawn (Efron and Tibshirani 1993;
 * Field and Welsh 2007, J. R. Stat. Soc. B 69). Draws are kept, so that figures of several tasks can be
 * combined draw by draw.
 */
import { requireArguments } from '../core/errors.ts';
import type { Rng } from '../core/rng.ts';
import { type ClusterSums, clusteredMean, clusteredStandardError } from './clusters.ts';
import { normalCdf, normalQuantile, z95 } from './normal.ts';
import { type Interval, quantile } from './quantile.ts';
import { groupAlike, resample } from './resample.ts';
import { t95 } from './student.ts';

/**
 * Means over as many clusters as there are, drawn with replacement and kept whole; a draw without any
 * weight is drawn again. The same state of the generator gives the same draws. A single cluster gives
 * draws that are all alike, which says nothing about how sure its mean is.
 *
 * 1,000 draws over 100,000 clusters take hundredths of a second for right-or-wrong answers, whose clusters
 * are of few kinds, and about 3 s where no two clusters have the same sums.
 *
 * @param draws At least 1. @default 1000, which fixes the ends of a 95 % interval to about a tenth of its
 *   half-width
 * @example
 * ```ts
 * const draws = drawMeans(sumByCluster(rows), rngFromKey('accuracy/1'));
 * ```
 */
export function drawMeans(sums: ClusterSums, rng: Rng, draws = 1000): Float64Array {
  const clusters = Array.from(sums.values, (value, c) => ({ value, weight: sums.weights[c] ?? 0 }));
  const kinds = groupAlike(clusters, ({ value, weight }) => `${value} ${weight}`);
  const drawOne = (): number => {
    let [value, weight] = [0, 0];
    for (const [kind, times] of resample(kinds, rng).entries()) {
      value += times * (kinds.examples[kind]?.value ?? 0);
      weight += times * (kinds.examples[kind]?.weight ?? 0);
    }
    return weight > 0 ? value / weight : drawOne();
  };
  return Float64Array.from({ length: draws }, drawOne);
}

/**
 * Draws of the mean of several means, each counting the same whatever its size: the macro mean over tasks.
 *
 * @param tasks Independent draws of each, equally many; at least one task.
 * @example
 * ```ts
 * percentileInterval(averageDraws([drawsOfOneTask, drawsOfAnother]));
 * ```
 */
export function averageDraws(tasks: readonly Float64Array[]): Float64Array {
  const [first] = tasks;
  requireArguments(first !== undefined, 'at least one task');
  requireArguments(
    tasks.every(({ length }) => length === first.length),
    'as many draws of one task as of another',
  );
  return first.map(
    (_, draw) => tasks.reduce((sum, one) => sum + (one[draw] ?? 0), 0) / tasks.length,
  );
}

/** So many clusters are no longer few (Cameron and Miller 2015, J. Hum. Resour. 50, name 20 to 50). */
const manyClusters = 50;

/**
 * The draws, spread about their mean for few clusters: a bootstrap draws from the clusters at hand, whose
 * spread is too small (by √((C−1)/C) where they weigh alike), and does not allow for how little C clusters tell
 * of it. Stretched to the jackknife's standard error (MacKinnon, Nielsen and Webb 2023, J. Appl. Econom. 38) and
 * from the normal quantile to Student's t with C−1 degrees, the middle 95 % of the draws are as wide as a t
 * interval and keep their skew (Hesterberg 2015, Am. Stat. 69, expands the percentiles to the same end). Of 50
 * clusters and more the draws stay as they are.
 *
 * Draws may leave the range of the values: clip the ends of an interval, not the draws.
 *
 * @param draws Of {@link drawMeans} over the same sums, of at least two clusters.
 */
export function widenedForFewClusters(draws: Float64Array, sums: ClusterSums): Float64Array {
  const clusters = sums.values.length;
  if (clusters >= manyClusters || clusters < 2) return draws;
  const mean = clusteredMean(sums);
  const own = clusteredStandardError(sums) ?? 0;
  if (own === 0) return draws;
  // The bootstrap's own error is that of the sandwich without its factor for few clusters.
  const bootstrapError = own * Math.sqrt((clusters - 1) / clusters);
  const jackknife = jackknifeError(sums);
  // Without the one cluster that has all the weight there is no mean.
  const error = Number.isFinite(jackknife) ? jackknife : own;
  const factor = (t95(clusters - 1) / z95) * (error / bootstrapError);
  return draws.map((draw) => mean + factor * (draw - mean));
}

/** Standard error of the mean by leaving out each cluster once. */
function jackknifeError(sums: ClusterSums): number {
  const left = leaveOneOut(sums);
  const mean = clusteredMean(sums);
  const squares = left.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return Math.sqrt(((left.length - 1) / left.length) * squares);
}

/** Means without one cluster each. */
function leaveOneOut({ values, weights }: ClusterSums): Float64Array {
  const value = values.reduce((sum, one) => sum + one, 0);
  const weight = weights.reduce((sum, one) => sum + one, 0);
  return values.map((one, c) => (value - one) / (weight - (weights[c] ?? 0)));
}

/** An interval without what lies outside of the values that are possible. */
export function clipped({ low, high }: Interval, least: number, most: number): Interval {
  const clip = (value: number) => Math.min(most, Math.max(least, value));
  return { low: clip(low), high: clip(high) };
}

/**
 * The middle 95 % of the draws.
 * @example
 * ```ts
 * percentileInterval(drawMeans(sumByCluster(rows), rngFromKey('accuracy/1')));
 * ```
 */
export function percentileInterval(draws: Float64Array): Interval {
  return betweenShares(draws, 0.025, 0.975);
}

/**
 * The middle 95 % of the draws, moved for bias and for a spread that depends on the mean (BCa; Efron 1987,
 * JASA 82): closer than {@link percentileInterval} where few clusters are far from the rest.
 *
 * @param draws Of {@link drawMeans} over the same sums.
 * @example
 * ```ts
 * const sums = sumByCluster(rows);
 * bcaInterval(drawMeans(sums, rngFromKey('accuracy/1')), sums);
 * ```
 */
export function bcaInterval(draws: Float64Array, sums: ClusterSums): Interval {
  const mean = clusteredMean(sums);
  const below = draws.reduce(
    (count, draw) => count + (draw < mean ? 1 : draw === mean ? 0.5 : 0),
    0,
  );
  // Half a draw stands on either side even where none does: the normal quantile of 0 is infinite.
  const share = Math.min(Math.max(below, 0.5), draws.length - 0.5) / draws.length;
  const bias = normalQuantile(share);
  const acceleration = skewOfJackknife(sums) / 6;
  const moved = (z: number) => normalCdf(bias + (bias + z) / (1 - acceleration * (bias + z)));
  return betweenShares(draws, moved(-z95), moved(z95));
}

/** Standardised third moment over √clusters of the means without one cluster each; 0 without spread. */
function skewOfJackknife(sums: ClusterSums): number {
  const left = leaveOneOut(sums);
  const centre = left.reduce((sum, one) => sum + one, 0) / left.length;
  const moment = (power: number) => left.reduce((sum, one) => sum + (centre - one) ** power, 0);
  const spread = moment(2) ** 1.5;
  return spread > 0 ? moment(3) / spread : 0;
}

function betweenShares(draws: Float64Array, low: number, high: number): Interval {
  const sorted = draws.toSorted();
  return { low: quantile(sorted, low), high: quantile(sorted, high) };
}
