/** Random numbers of shapes that resampling and priors need. */
import type { Rng } from '../core/rng.ts';

/** Trials up to which drawing each is as fast as splitting them. */
const fewTrials = 32;

/**
 * Successes among independent trials, exact, in about log₂(trials) steps: the middle one of the trials'
 * sorted uniform numbers has a beta distribution, and tells on which side of it to go on counting (Ahrens
 * and Dieter 1974, Computing 12).
 *
 * @param trials A whole number, 0 or more.
 * @param share Probability of success, in [0, 1].
 */
export function drawBinomial(trials: number, share: number, rng: Rng): number {
  let [successes, left, p] = [0, trials, share];
  while (left > fewTrials) {
    const lower = 1 + Math.floor(left / 2);
    const upper = left + 1 - lower;
    const middle = drawBeta(lower, upper, rng);
    if (middle >= p) {
      left = lower - 1;
      p /= middle;
    } else {
      successes += lower;
      left = upper - 1;
      p = (p - middle) / (1 - middle);
    }
  }
  for (; left > 0; left--) if (rng.next() < p) successes++;
  return successes;
}

/**
 * The beta distribution: what the true share may be after `a − 1` successes and `b − 1` failures.
 *
 * @param a and `b` At least 1.
 */
export function drawBeta(a: number, b: number, rng: Rng): number {
  const one = drawGamma(a, rng);
  return one / (one + drawGamma(b, rng));
}

/** Scale 1; by rejection, without the squeeze (Marsaglia and Tsang 2000, ACM Trans. Math. Softw. 26). */
function drawGamma(shape: number, rng: Rng): number {
  const d = shape - 1 / 3;
  for (;;) {
    const z = rng.normal();
    const v = (1 + z / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - rng.next()) < (z * z) / 2 + d * (1 - v + Math.log(v))) return d * v;
  }
}
