/**
 * Krippendorff's alpha: agreement beyond chance of any number of raters, each of whom may have left things
 * out (Krippendorff 2019, Content Analysis, 4th ed., 12.3).
 */
import type { Rng } from '../core/rng.ts';
import { percentileInterval } from './bootstrap.ts';
import { wilsonInterval } from './proportion.ts';
import type { Interval } from './quantile.ts';
import { groupAlike, resample } from './resample.ts';

/** What was said of one thing; one entry a rater, undefined where a rater said nothing. */
export type Ratings = readonly (number | undefined)[];

/**
 * What the numbers mean: mere names, an order, or an amount whose differences count.
 */
export type RatingLevel = 'nominal' | 'ordinal' | 'interval';

export type Alpha = {
  /** At most 1: 1 for perfect agreement, 0 for that of chance. */
  readonly alpha: number;
  readonly interval: Interval;
  /** Things with at least two ratings; others tell nothing about agreement. */
  readonly units: number;
};

/**
 * Alpha with a bootstrap interval over the things rated (Zapf et al. 2016, BMC Med. Res. Methodol. 16:93;
 * not Krippendorff's own, which takes the expected disagreement as known). Where all agree throughout the
 * bootstrap sees nothing else however few they are; then the lower end is that of Wilson's interval of the
 * share of things agreed on, at the expected disagreement seen.
 *
 * 1,000 draws take tenths of a second where the things rated are of few kinds, as verdicts are; else draws ×
 * units steps.
 *
 * @param draws Those in which all ratings are the same have no alpha and are passed over. @default 1000
 * @returns Undefined where fewer than two different ratings can be compared: agreement beyond chance is
 *   then 0/0.
 * @example
 * ```ts
 * // Three answers, two raters; the second left one out.
 * krippendorffAlpha([[1, 1], [0, 1], [1, undefined]], 'nominal', rngFromKey('alpha/1'));
 * ```
 */
export function krippendorffAlpha(
  things: readonly Ratings[],
  level: RatingLevel,
  rng: Rng,
  draws = 1000,
): Alpha | undefined {
  const units = things
    .map((ratings) => ratings.filter((one) => one !== undefined))
    .filter(({ length }) => length >= 2);
  const scale = [...new Set(units.flat())].sort((a, b) => a - b);
  const patterns = groupAlike(patternsOf(units, scale), String);
  const alphaAt = (counts: Float64Array) => alphaOf(scale, patterns.examples, counts, level);
  const alpha = alphaAt(patterns.counts);
  if (alpha === undefined) return undefined;
  if (alpha === 1) {
    const disagreed = 1 - wilsonInterval(units.length, units.length).low;
    const differing = 1 - agreeingByChance(units.flat());
    return {
      alpha,
      interval: { low: 1 - disagreed / differing, high: 1 },
      units: units.length,
    };
  }
  const drawn = Array.from({ length: draws }, () => alphaAt(resample(patterns, rng)));
  const defined = Float64Array.from(drawn.filter((one) => one !== undefined));
  return { alpha, interval: percentileInterval(defined), units: units.length };
}

/** Ratings of one thing as [index on the scale, how often], by index. */
type Pattern = readonly (readonly [value: number, times: number])[];

function patternsOf(units: readonly (readonly number[])[], scale: readonly number[]): Pattern[] {
  const indexOf = new Map(scale.map((value, index) => [value, index]));
  return units.map((ratings) => {
    const times = new Map<number, number>();
    for (const one of ratings.map((it) => indexOf.get(it) ?? 0).sort((a, b) => a - b)) {
      times.set(one, (times.get(one) ?? 0) + 1);
    }
    return [...times];
  });
}

/**
 * 1 − mean disagreement within things / mean disagreement over all ratings. Squared differences need no
 * matrix of coincidences: their sum over pairs is n·Σx² − (Σx)². Ordinal differences are those of the mean
 * ranks, since a value's share of all ratings up to the middle of its own ties is such a rank.
 */
function alphaOf(
  scale: readonly number[],
  patterns: readonly Pattern[],
  counts: Float64Array,
  level: RatingLevel,
): number | undefined {
  const margins = new Float64Array(scale.length);
  for (const [pattern, count] of counts.entries()) {
    for (const [value, times] of patterns[pattern] ?? []) {
      margins[value] = (margins[value] ?? 0) + count * times;
    }
  }
  const positions = level === 'ordinal' ? rankPositions(margins) : scale;
  const disagreement = (ratings: Iterable<readonly [value: number, times: number]>) =>
    level === 'nominal' ? differingPairs(ratings) : squaredDifferences(ratings, positions);
  let within = 0;
  for (const [index, count] of counts.entries()) {
    const pattern = patterns[index] ?? [];
    if (count > 0) within += (count * disagreement(pattern)) / (sizeOf(pattern) - 1);
  }
  const overall = disagreement(margins.entries());
  if (!(overall > 0)) return undefined;
  return 1 - ((sizeOf(margins.entries()) - 1) * within) / overall;
}

/** Middle of each value's ties, in ratings counted from the lowest. */
function rankPositions(margins: Float64Array): number[] {
  let before = 0;
  return Array.from(margins, (count) => {
    before += count;
    return before - count / 2;
  });
}

function differingPairs(ratings: Iterable<readonly [number, number]>): number {
  let [size, same] = [0, 0];
  for (const [, times] of ratings) {
    size += times;
    same += times * times;
  }
  return size * size - same;
}

/** Over ordered pairs; from the first position, so that large values of little spread keep their digits. */
function squaredDifferences(
  ratings: Iterable<readonly [number, number]>,
  positions: readonly number[],
): number {
  let [size, sum, squares, origin] = [0, 0, 0, Number.NaN];
  for (const [value, times] of ratings) {
    if (times === 0) continue;
    const position = positions[value] ?? 0;
    if (size === 0) origin = position;
    size += times;
    sum += times * (position - origin);
    squares += times * (position - origin) ** 2;
  }
  return 2 * (size * squares - sum * sum);
}

function sizeOf(ratings: Iterable<readonly [number, number]>): number {
  let size = 0;
  for (const [, times] of ratings) size += times;
  return size;
}

function agreeingByChance(ratings: readonly number[]): number {
  const times = new Map<number, number>();
  for (const one of ratings) times.set(one, (times.get(one) ?? 0) + 1);
  return [...times.values()].reduce((sum, one) => sum + (one / ratings.length) ** 2, 0);
}
