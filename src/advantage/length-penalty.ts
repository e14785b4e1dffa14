/** Shorter answers where the policy knows the answer anyway. */

export type LengthPenalised = {
  /** In [0, 1]. */
  readonly reward: number;
  /** Length of the completion. */
  readonly tokens: number;
};

/**
 * A penalty on length that grows with how well the group does (arXiv 2506.05256): weight · (tokens / most) ·
 * max(mean reward, 1 / G), so that completions may be long where the answer is hard to find.
 *
 * Deviation: the mean reward of the group stands for its share of right answers, since rewards are graded; lengths
 * are divided by the longest possible, so that the weight is in units of the reward.
 *
 * @param most tokens after which a completion is cut off
 * @returns [G], at least 0, to be taken off the rewards
 */
export function lengthPenalties(
  group: readonly LengthPenalised[],
  weight: number,
  most: number,
): number[] {
  const mean = group.reduce((sum, { reward }) => sum + reward, 0) / group.length;
  const share = Math.max(mean, 1 / group.length);
  return group.map(({ tokens }) => weight * (tokens / most) * share);
}
