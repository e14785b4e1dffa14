/** How sure a proportion is when its trials are independent. */
import { requireArguments } from '../core/errors.ts';
import { z95 } from './normal.ts';
import type { Interval } from './quantile.ts';

/** Trials of one kind: how many, and how many of them succeeded. */
export type Count = { readonly successes: number; readonly trials: number };

/**
 * Wilson's score interval of a proportion, 95 %, without continuity correction (Wilson 1927, JASA 22). Holds
 * for few trials and for proportions of 0 and 1, where the normal interval has no width.
 *
 * @param successes In [0, trials]; need not be whole (an effective count).
 * @param trials Above 0.
 * @example
 * ```ts
 * wilsonInterval(37, 50); // 37 of 50 are right: { low: 0.60…, high: 0.84… }
 * ```
 */
export function wilsonInterval(successes: number, trials: number): Interval {
  requireArguments(
    trials > 0 && successes >= 0 && successes <= trials,
    'trials above 0, and successes from 0 to as many',
  );
  const proportion = successes / trials;
  const scale = 1 + (z95 * z95) / trials;
  const centre = (proportion + (z95 * z95) / (2 * trials)) / scale;
  const variance = (proportion * (1 - proportion)) / trials + (z95 * z95) / (4 * trials * trials);
  const halfWidth = (z95 * Math.sqrt(variance)) / scale;
  return {
    low: successes === 0 ? 0 : centre - halfWidth,
    high: successes === trials ? 1 : centre + halfWidth,
  };
}
