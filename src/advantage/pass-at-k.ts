/**
 * Advantages for the best of k answers: Pass@k training (arXiv 2508.10751), in its analytic form. Draw k of a
 * group's n completions, and let the draw's reward be the highest among them. With ρ and σ the mean and the
 * standard deviation of that over all draws, a completion's advantage is (its mean over the draws that hold
 * it − ρ) / σ.
 *
 * The publication gives this for rewards of 0 and 1, where it comes to (1 − ρ)/σ for a right answer and
 * (1 − ρ − C(wrong − 1, k − 1)/C(n − 1, k − 1))/σ for a wrong one. Here rewards may be any numbers, since
 * those of a composite reward are; for 0 and 1 it is the same. The estimator of that name in the code of arXiv
 * 2602.23363 is another one (of k = n), and leaves all but the best completion their raw scores.
 */

const epsilon = 1e-6;

/**
 * @param rewards [n] of one group
 * @param k at least 2; with k ≥ n there is but one draw, and all advantages are 0
 * @param noise σ up to which draws count as equally good
 * @returns [n]; they add up to 0
 */
export function passAtKAdvantages(rewards: readonly number[], k: number, noise: number): number[] {
  const n = rewards.length;
  if (k >= n) return rewards.map(() => 0);
  const order = rewards.map((_, i) => i).sort((a, b) => at(rewards, a) - at(rewards, b));
  const sorted = order.map((i) => at(rewards, i));
  // Of C(n, k) draws, C(i, k − 1) have the i-th lowest reward (from 0) as their best.
  const draws = binomial(n, k);
  const shares = sorted.map((_, i) => binomial(i, k - 1) / draws);
  const mean = sorted.reduce((sum, best, i) => sum + at(shares, i) * best, 0);
  const variance = sorted.reduce((sum, best, i) => sum + at(shares, i) * (best - mean) ** 2, 0);
  const std = Math.sqrt(variance);
  const advantages = rewards.map(() => 0);
  if (std <= noise) return advantages;
  const own = meansOfHolders(sorted, k);
  for (const [place, i] of order.entries())
    advantages[i] = (at(own, place) - mean) / (std + epsilon);
  return advantages;
}

/** For each place of the sorted rewards the mean over the draws that hold it. */
function meansOfHolders(sorted: readonly number[], k: number): number[] {
  const n = sorted.length;
  const draws = binomial(n - 1, k - 1);
  // Of the draws with the holder, C(i − 1, k − 2) have the i-th lowest above it as their best.
  let above = 0;
  const means = sorted.map(() => 0);
  for (let place = n - 1; place >= 0; place--) {
    const best = at(sorted, place);
    means[place] = (best * binomial(place, k - 1) + above) / draws;
    if (place > 0) above += best * binomial(place - 1, k - 2);
  }
  return means;
}

/** Ways to choose k of n; 0 where there are none. */
function binomial(n: number, k: number): number {
  let ways = k < 0 || k > n ? 0 : 1;
  for (let i = 1; i <= k && ways > 0; i++) ways = (ways * (n - k + i)) / i;
  return ways;
}

function at(values: readonly number[], i: number): number {
  return values[i] ?? 0;
}
