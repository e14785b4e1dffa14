/** The standard normal distribution. */
import { requireArguments } from '../core/errors.ts';

/** Quantile at 0.975: half the width, in standard errors, of a two-sided 95 % interval. */
export const z95 = 1.959963984540054;

/**
 * Probability of a value up to `z`; relative error below 1e-13 in the lower tail too.
 *
 * Near 0 by the series of Marsaglia (2004, J. Stat. Softw. 11(4)), beyond by Laplace's continued fraction.
 */
export function normalCdf(z: number): number {
  if (z > 0) return 1 - normalCdf(-z);
  if (z < -2.5) return density(z) / tailFraction(-z);
  let sum = z;
  let term = z;
  for (let odd = 3; Math.abs(term) > 1e-17; odd += 2) {
    term *= (z * z) / odd;
    sum += term;
  }
  return 0.5 + density(z) * sum;
}

/**
 * The value below which a share of the distribution lies.
 *
 * @param share Above 0 and below 1.
 */
export function normalQuantile(share: number): number {
  requireArguments(share > 0 && share < 1, 'a share above 0 and below 1');
  if (share > 0.5) return -normalQuantile(1 - share);
  // A start within 0.05, then Newton's steps with Halley's correction: each triples the digits.
  const t = Math.sqrt(-2 * Math.log(share));
  let z = Math.min(0, -t + (2.3 + 0.27 * t) / (1 + t + 0.045 * t * t));
  for (let step = 0; step < 4; step++) {
    const excess = (normalCdf(z) - share) / density(z);
    z -= excess / (1 + (z * excess) / 2);
  }
  return z;
}

function density(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
}

/** x + 1/(x + 2/(x + 3/(x + …))), which is density over upper tail, for x above 2.5. */
function tailFraction(x: number): number {
  let value = x;
  for (let k = 200; k >= 1; k--) value = x + k / value;
  return value;
}
