/** Intervals, and the quantiles they are cut at. */
import { requireArguments } from '../core/errors.ts';

/** 95 % throughout: one level for every figure, so that figures can be set side by side. */
export type Interval = { readonly low: number; readonly high: number };

/**
 * Quantile by linear interpolation between order statistics (type 7 of Hyndman and Fan 1996, the default
 * of R and numpy).
 *
 * @param sorted Ascending, at least one value.
 * @param share In [0, 1]; 0.5 gives the median.
 */
export function quantile(sorted: Float64Array, share: number): number {
  requireArguments(sorted.length >= 1, 'at least one value');
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? 0;
  const above = sorted[Math.ceil(position)] ?? 0;
  return below + (above - below) * (position % 1);
}
