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
  type EstimatorSettings,
  rewardNoise,
  standardDeviation,
} from './estimators.ts';

type RewardPart = { readonly weight: number; readonly value: number };

type Parted = {
  readonly parts: readonly RewardPart[];
  /** Length of the completion. */
  readonly tokens: number;
};

/** Keeps the last division finite in a batch without variance. */
const epsilon = 1e-6;

/**
 * @param groups [P, G]; the parts of a group's rollouts are the same and in one order, those of two groups
 *   need not be. At least two rollouts a group.
 * @param estimator used for each part within its group, so one that compares within groups; GDPO uses `grpo`.
 * @param settings `noise` is the standard deviation up to which the values of a part count as equal.
 * @returns [P, G], over the whole batch of mean 0 and of standard deviation 1, or all 0 where no part
 *   differs anywhere, or what differs cancels out.
 */
export function decoupledAdvantages(
  groups: readonly (readonly Parted[])[],
  estimator: AdvantageName,
  settings: EstimatorSettings = {},
): number[][] {
  const { over } = advantageEstimators[estimator];
  invariant(over === 'group', 'the parts of a reward are compared within groups');
  const sums = groups.map((rollouts) => weightedAdvantages(rollouts, estimator, settings));
  const batch = sums.flat();
  const mean = batch.reduce((total, sum) => total + sum, 0) / batch.length;
  const squares = batch.reduce((total, sum) => total + (sum - mean) ** 2, 0);
  const std = Math.sqrt(squares / (batch.length - 1));
  // Parts that cancel each other leave rounding errors, of which a division would make ±1.
  const { noise = rewardNoise } = settings;
  return sums.map((group) =>
    group.map((sum) => (std > noise ? (sum - mean) / (std + epsilon) : 0)),
  );
}

function weightedAdvantages(
  rollouts: readonly Parted[],
  estimator: AdvantageName,
  settings: EstimatorSettings,
): number[] {
  const { noise = rewardNoise } = settings;
  const sums = rollouts.map(() => 0);
  for (const [part, { weight }] of (rollouts[0]?.parts ?? []).entries()) {
    const values = rollouts.map(({ parts, tokens }) => {
      const one = parts[part];
      invariant(one?.weight === weight, 'the rollouts of a group are rewarded for the same parts');
      return { reward: one.value, tokens };
    });
    if (standardDeviation(values.map(({ reward }) => reward)) <= noise) continue;
    const [advantages = []] = advantageEstimators[estimator].estimate([values], settings);
    for (const [i, advantage] of advantages.entries()) {
      sums[i] = (sums[i] ?? 0) + weight * advantage;
    }
  }
  return sums;
}
