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
   * Groups whose mean reward lies strictly between, as in the paper's code (0.01 and 0.99). It keeps
   * groups of equal middling rewards, which teach nothing; for comparison only.
   */
  | { readonly low: number; readonly high: number };

/** False for a group of fewer than two rewards, whatever the filter: it has no baseline. */
export function keepGroup(rewards: readonly number[], filter: GroupFilter): boolean {
  if (rewards.length < 2) return false;
  if (filter === 'none') return true;
  if (filter === 'variance') return standardDeviation(rewards) > rewardNoise;
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  return filter.low < mean && mean < filter.high;
}
