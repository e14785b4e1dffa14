/** How well a score tells positives from negatives, and where to cut it. */
import { requireArguments } from '../core/errors.ts';
import { z95 } from './normal.ts';
import { wilsonInterval } from './proportion.ts';
import type { Interval } from './quantile.ts';
import { midranks } from './ranks.ts';

/** A score, and whether what it was given to is truly positive. */
export type ScoredLabel = { readonly score: number; readonly isPositive: boolean };

/** What passes a threshold: every score of at least that. */
export type RocPoint = {
  /** Half-way to the next lower score, so that scores seen later have room; the lowest score at the end. */
  readonly threshold: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  /** Share of positives that pass. */
  readonly sensitivity: number;
  /** Share of negatives that do not. */
  readonly specificity: number;
};

export type Auc = {
  /** Probability that a positive scores higher than a negative, ties counting half. */
  readonly auc: number;
  readonly interval: Interval;
};

/**
 * One point for each different score, from the strictest threshold to the one that passes all.
 *
 * @param items At least one positive and one negative.
 * @example
 * ```ts
 * rocCurve([{ score: 0.9, isPositive: true }, { score: 0.2, isPositive: false }]);
 * ```
 */
export function rocCurve(items: readonly ScoredLabel[]): readonly RocPoint[] {
  const { positives, negatives } = split(items);
  const sorted = [...items].sort((a, b) => b.score - a.score);
  const points: RocPoint[] = [];
  let [truePositives, falsePositives] = [0, 0];
  for (const [index, { score, isPositive }] of sorted.entries()) {
    if (isPositive) truePositives++;
    else falsePositives++;
    const next = sorted[index + 1]?.score;
    if (next === score) continue;
    points.push({
      threshold: next === undefined ? score : (score + next) / 2,
      truePositives,
      falsePositives,
      sensitivity: truePositives / positives.length,
      specificity: (negatives.length - falsePositives) / negatives.length,
    });
  }
  return points;
}

/**
 * The point with the largest sensitivity + specificity (Youden 1950, Cancer 3); the strictest of equals.
 * @example
 * ```ts
 * youdenPoint(rocCurve(items)).threshold;
 * ```
 */
export function youdenPoint(curve: readonly RocPoint[]): RocPoint {
  const { truePositives: positives = 0, falsePositives: negatives = 0 } = curve.at(-1) ?? {};
  // Over a common denominator, so that equals stay equal.
  return bestOf(curve, (at) => at.truePositives * negatives - at.falsePositives * positives);
}

/** The point with the largest harmonic mean of sensitivity and precision; the strictest of equals. */
export function bestF1Point(curve: readonly RocPoint[]): RocPoint {
  const positives = curve.at(-1)?.truePositives ?? 0;
  return bestOf(
    curve,
    (point) => point.truePositives / (point.truePositives + point.falsePositives + positives),
  );
}

/** The most sensitive point of at least that specificity; undefined where none has it. */
export function pointAtSpecificity(
  curve: readonly RocPoint[],
  least: number,
): RocPoint | undefined {
  return curve.filter(({ specificity }) => specificity >= least).at(-1);
}

/**
 * Area under the curve with the interval of DeLong, DeLong and Clarke-Pearson (1988, Biometrics 44) in
 * n·log n steps (Sun and Xu 2014, IEEE Signal Process. Lett. 21), clipped to [0, 1].
 *
 * Deviation: where positives and negatives do not overlap at all the standard error vanishes however few
 * they are; the inner end is then that of Wilson's interval over the rarer of the two.
 *
 * @param items At least one positive and one negative, independent of each other.
 * @example
 * ```ts
 * auc([{ score: 0.9, isPositive: true }, { score: 0.2, isPositive: false }]).auc; // 1
 * ```
 */
export function auc(items: readonly ScoredLabel[]): Auc {
  const { positives, negatives } = split(items);
  const [p, n] = [positives.length, negatives.length];
  const all = midranks([...positives, ...negatives]);
  const amongPositives = midranks(positives);
  const amongNegatives = midranks(negatives);
  // Share of the other kind that each one outranks.
  const ofPositives = positives.map((_, i) => ((all[i] ?? 0) - (amongPositives[i] ?? 0)) / n);
  const ofNegatives = negatives.map(
    (_, i) => 1 - ((all[p + i] ?? 0) - (amongNegatives[i] ?? 0)) / p,
  );
  const area = meanOf(ofPositives);
  const rarer = Math.min(p, n);
  if (area === 0 || area === 1) return { auc: area, interval: wilsonInterval(area * rarer, rarer) };
  const halfWidth = z95 * Math.sqrt(varianceOf(ofPositives) / p + varianceOf(ofNegatives) / n);
  return {
    auc: area,
    interval: { low: Math.max(0, area - halfWidth), high: Math.min(1, area + halfWidth) },
  };
}

function split(items: readonly ScoredLabel[]) {
  const scoresOf = (wanted: boolean) =>
    items.filter(({ isPositive }) => isPositive === wanted).map(({ score }) => score);
  const [positives, negatives] = [scoresOf(true), scoresOf(false)];
  requireArguments(positives.length > 0 && negatives.length > 0, 'both positives and negatives');
  return { positives, negatives };
}

function bestOf(curve: readonly RocPoint[], worth: (point: RocPoint) => number): RocPoint {
  return curve.reduce((best, point) => (worth(point) > worth(best) ? point : best));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Unbiased; 1/4, the largest possible, for a single share. */
function varianceOf(shares: readonly number[]): number {
  if (shares.length < 2) return 0.25;
  const mean = meanOf(shares);
  return shares.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (shares.length - 1);
}
