/** Which groups are worth training on. */
import { rewardNoise, standardDeviation } from './estimators.ts';

export type GroupFilter =
  /** Every group. */
  | 'none'
  /**
   * Groups whose rewards differ: without variance all advantages are 0. This is what DAPO's dynamic
   * sampling (arXiv 2503.14476) means when the reward is a composite.
   */
  | 'variance'
  /**
   * Groups in which some part of the reward differs, although the rewards may not: where advantages compare
   * rewards part by part, such a group teaches. Where rewards have no parts it is `variance`.
   */
  | 'any-part'
  /**
   * Groups whose mean reward lies strictly between, as in the paper's code (0.01 and 0.99). It keeps
   * groups of equal middling rewards, which teach nothing; for comparison only.
   */
  | { readonly low: number; readonly high: number };

/** A reward, and its parts where it has some: the same ones for every rollout of a group. */
export type FilteredReward = {
  readonly reward: number;
  readonly parts?: readonly { readonly value: number }[];
};

/**
 * @param group the scored rollouts
 * @param smallest rollouts that the advantage estimator needs in a group: a smaller one is dropped, whatever
 *   the filter
 */
export function keepGroup(
  group: readonly FilteredReward[],
  filter: GroupFilter,
  smallest: number,
): boolean {
  if (group.length < smallest) return false;
  if (filter === 'none') return true;
  const rewards = group.map(({ reward }) => reward);
  if (filter === 'variance') return differ(rewards);
  if (filter === 'any-part') return differ(rewards) || somePartDiffers(group);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  return filter.low < mean && mean < filter.high;
}

function somePartDiffers(group: readonly FilteredReward[]): boolean {
  const parts = group[0]?.parts ?? [];
  return parts.some((_, part) => differ(group.map((rollout) => rollout.parts?.[part]?.value ?? 0)));
}

function differ(values: readonly number[]): boolean {
  return standardDeviation(values) > rewardNoise;
}
