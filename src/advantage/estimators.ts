/**
 * How much better each completion of a group did than its siblings. Pure functions of the rewards of one
 * group, [G] → [G]; unscored rollouts must have left the group before. Every estimate sums to 0 and
 * ignores a shift of all rewards.
 */
import { invariant } from '../core/errors.ts';

export type AdvantageName = 'grpo' | 'rloo' | 'dr-grpo';

/** Added to the standard deviation by the paper's code (arXiv 2602.23363). */
const grpoEpsilon = 1e-6;

/**
 * Standard deviation up to which rewards differ by rounding alone: graded similarities vary by about 1e-7 with
 * the batch around them, and a division by their deviation would make ±1 of it. The scale is that of TRL, whose
 * GRPOTrainer adds 1e-4 to every deviation, of groups and of parts alike.
 */
export const rewardNoise = 1e-4;

/** Unbiased; of at least two values. */
export function standardDeviation(values: readonly number[]): number {
  const squares = deviations(values).reduce((sum, deviation) => sum + deviation * deviation, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/**
 * Each takes at least two rewards, and the deviation up to which they count as equal.
 * @default noise 1e-4
 * - `grpo`: (r − mean) / (std + 1e-6), std unbiased (arXiv 2402.03300; as in the code of arXiv 2602.23363); 0
 *   where std is at most the noise.
 * - `rloo`: r − mean of the others (arXiv 2402.14740).
 * - `dr-grpo`: r − mean, without the division that favours groups of little variance (arXiv 2503.20783).
 */
export const advantageEstimators: Readonly<
  Record<AdvantageName, (rewards: readonly number[], noise?: number) => number[]>
> = {
  grpo: (rewards, noise = rewardNoise) => {
    const centred = deviations(rewards);
    const std = standardDeviation(rewards);
    return centred.map((deviation) => (std > noise ? deviation / (std + grpoEpsilon) : 0));
  },
  rloo: (rewards) => {
    const scale = rewards.length / (rewards.length - 1);
    return deviations(rewards).map((deviation) => deviation * scale);
  },
  'dr-grpo': deviations,
};

function deviations(rewards: readonly number[]): number[] {
  invariant(rewards.length >= 2, 'a group needs two rewards for a baseline');
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  return rewards.map((reward) => reward - mean);
}
