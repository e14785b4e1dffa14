/** Student's t distribution with whole degrees of freedom. */
import { invariant } from '../core/errors.ts';

/**
 * Half the width, in estimated standard errors, of a two-sided 95 % interval: the 0.975 quantile.
 *
 * @param degrees Whole, at least 1; 1 gives 12.7, 11 gives 2.20, ∞ would give 1.96.
 */
export function t95(degrees: number): number {
  invariant(Number.isInteger(degrees) && degrees >= 1, 'whole degrees of freedom of at least 1');
  let [low, high] = [1.9, 13];
  // 60 halvings exhaust the digits.
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (shareWithin(middle, degrees) < 0.95) low = middle;
    else high = middle;
  }
  return high;
}

/** Probability of a value between −t and t (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4). */
function shareWithin(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const isOdd = degrees % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let power = isOdd ? 3 : 2; power <= degrees - 2; power += 2) {
    term *= ((power - 1) / power) * cosine * cosine;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}
