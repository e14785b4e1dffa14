/**
 * Advantages of rewards that come in parts: GDPO (arXiv 2601.05242). In a weighted sum the part with the
 * largest variance decides, and different parts with the same sum cannot be told apart. So each part gets
 * its own advantage within the group, these advantages are added by weight, and the sums are normalised
 * over the batch, so that their size does not grow with the number of parts. A part that does not vary within a
 * group carries nothing, where TRL and the publication divide its rounding errors by 1e-4 and the batch then
 * makes them ±1.
 */
import { invariant } from '../core/errors.ts';
import {
  type AdvantageName,
  advantageEstimators,
  rewardNoise,
  standardDeviation,
} from './estimators.ts';

type RewardPart = { readonly weight: number; readonly value: number };

/** Keeps the last division finite in a batch without variance. */
const epsilon = 1e-6;

/**
 * @param groups [P, G, parts]; the parts of a group's rollouts are the same and in one order, those of two
 *   groups need not be. At least two rollouts a group.
 * @param estimator used for each part within its group; GDPO uses `grpo`.
 * @param noise Standard deviation up to which the values of a part count as equal. @default 1e-4
 * @returns [P, G], over the whole batch of mean 0 and of standard deviation 1, or all 0 where no part
 *   differs anywhere.
 */
export function decoupledAdvantages(
  groups: readonly (readonly (readonly RewardPart[])[])[],
  estimator: AdvantageName,
  noise = rewardNoise,
): number[][] {
  const sums = groups.map((rollouts) => weightedAdvantages(rollouts, estimator, noise));
  const batch = sums.flat();
  const mean = batch.reduce((total, sum) => total + sum, 0) / batch.length;
  const squares = batch.reduce((total, sum) => total + (sum - mean) ** 2, 0);
  const std = Math.sqrt(squares / (batch.length - 1));
  return sums.map((group) => group.map((sum) => (sum - mean) / (std + epsilon)));
}

function weightedAdvantages(
  rollouts: readonly (readonly RewardPart[])[],
  estimator: AdvantageName,
  noise: number,
): number[] {
  const sums = rollouts.map(() => 0);
  for (const [part, { weight }] of (rollouts[0] ?? []).entries()) {
    const values = rollouts.map((parts) => {
      const one = parts[part];
      invariant(one?.weight === weight, 'the rollouts of a group are rewarded for the same parts');
      return one.value;
    });
    if (standardDeviation(values) <= noise) continue;
    for (const [i, advantage] of advantageEstimators[estimator](values, noise).entries()) {
      sums[i] = (sums[i] ?? 0) + weight * advantage;
    }
  }
  return sums;
}
