/** A mean score with its interval. */
import { type Rng, rngFromKey } from '../../core/rng.ts';
import {
  clipped,
  drawMeans,
  percentileInterval,
  widenedForFewClusters,
} from '../../statistics/bootstrap.ts';
import {
  type ClusteredValue,
  type ClusterSums,
  clusteredMean,
  sumByCluster,
} from '../../statistics/clusters.ts';
import { wilsonInterval } from '../../statistics/proportion.ts';
import type { Interval } from '../../statistics/quantile.ts';
import { drawBeta } from '../../statistics/random-counts.ts';
import type { Figure } from '../results/report.ts';

export type Sampling = {
  readonly draws: number;
  readonly seed: number;
  /** How figures of few clusters are drawn. @default widened, see {@link widenedForFewClusters} */
  readonly fewClusters?: 'widened' | 'as-drawn';
};

/**
 * @param rows at least one, in an order that does not depend on files; values in [0, 1]
 * @param name tells its random draws from those of other figures
 */
export function figureOf(
  rows: readonly ClusteredValue[],
  name: string,
  sampling: Sampling,
): Figure {
  const sums = sumByCluster(rows);
  const score = clusteredMean(sums);
  const method = methodFor(rows, sums);
  return {
    score,
    method,
    interval: intervalOf(sums, score, method, () => bootstrapOf(sums, name, sampling)),
    answers: rows.length,
    clusters: sums.values.length,
  };
}

/**
 * Draws of a mean score, for figures that are combined from several. Where all answers are right, or all
 * wrong, a bootstrap would draw the same mean every time; then the draws are those of Jeffreys' posterior,
 * each cluster one trial, so that few unanimous answers do not pass for certainty.
 */
export function drawScores(
  rows: readonly ClusteredValue[],
  name: string,
  sampling: Sampling,
): Float64Array {
  const sums = sumByCluster(rows);
  const unanimous = unanimousScore(rows);
  if (unanimous === undefined) return bootstrapOf(sums, name, sampling);
  const rng = rngFor(name, sampling.seed);
  const clusters = sums.values.length;
  return Float64Array.from({ length: sampling.draws }, () =>
    drawBeta(unanimous * clusters + 0.5, (1 - unanimous) * clusters + 0.5, rng),
  );
}

/** The middle 95 % of draws of a score, widened to hold the mean that they belong to. */
export function intervalAround(mean: number, draws: Float64Array): Interval {
  const { low, high } = scoreInterval(draws);
  return { low: Math.min(low, mean), high: Math.max(high, mean) };
}

/** The middle 95 % of draws of a score, which lies in [0, 1]. */
export function scoreInterval(draws: Float64Array): Interval {
  return clipped(percentileInterval(draws), 0, 1);
}

/** Interval of a mean in any unit; null for a single cluster. */
export function bootstrapInterval(
  rows: readonly ClusteredValue[],
  name: string,
  sampling: Sampling,
): Interval | null {
  const sums = sumByCluster(rows);
  return sums.values.length < 2 ? null : percentileInterval(bootstrapOf(sums, name, sampling));
}

export function rngFor(name: string, seed: number): Rng {
  return rngFromKey(`score/${seed}/${name}`);
}

/**
 * Answers that are all right, or all wrong, leave a bootstrap nothing to vary, however few they are:
 * Wilson's interval takes each cluster for one trial then.
 */
function methodFor(rows: readonly ClusteredValue[], sums: ClusterSums): Figure['method'] {
  const isIndependent =
    sums.weights.every((answers) => answers === 1) &&
    rows.every(({ value }) => value === 0 || value === 1);
  return unanimousScore(rows) !== undefined || isIndependent ? 'wilson' : 'cluster-bootstrap';
}

function unanimousScore(rows: readonly ClusteredValue[]): 0 | 1 | undefined {
  return ([0, 1] as const).find((score) => rows.every(({ value }) => value === score));
}

/** Draws of a mean in any unit. */
export function bootstrapOf(
  sums: ClusterSums,
  name: string,
  { draws, seed, fewClusters }: Sampling,
): Float64Array {
  const drawn = drawMeans(sums, rngFor(name, seed), draws);
  return fewClusters === 'as-drawn' ? drawn : widenedForFewClusters(drawn, sums);
}

function intervalOf(
  { values }: ClusterSums,
  score: number,
  method: Figure['method'],
  draw: () => Float64Array,
): Interval | null {
  if (method === 'wilson') return wilsonInterval(Math.round(score * values.length), values.length);
  return values.length < 2 ? null : scoreInterval(draw());
}
