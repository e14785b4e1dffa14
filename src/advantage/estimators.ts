/**
 * How much better each completion of a group did than its siblings. Pure functions of the rewards of one
 * group, [G] → [G]; unscored rollouts must have left the group before. Every estimate sums to 0 and
 * ignores a shift of all rewards.
 */
import { invariant } from '../core/errors.ts';

export type AdvantageName = 'grpo' | 'rloo' | 'dr-grpo';

/** Keeps (r − mean) / std finite in a group without variance; the value of the paper's code. */
const grpoEpsilon = 1e-6;

/**
 * Each takes at least two rewards.
 * - `grpo`: (r − mean) / (std + 1e-6), std unbiased (arXiv 2402.03300; as in the code of arXiv 2602.23363).
 * - `rloo`: r − mean of the others (arXiv 2402.14740).
 * - `dr-grpo`: r − mean, without the division that favours groups of little variance (arXiv 2503.20783).
 */
export const advantageEstimators: Readonly<
  Record<AdvantageName, (rewards: readonly number[]) => number[]>
> = {
  grpo: (rewards) => {
    const centred = deviations(rewards);
    const squares = centred.reduce((sum, deviation) => sum + deviation * deviation, 0);
    const std = Math.sqrt(squares / (rewards.length - 1));
    return centred.map((deviation) => deviation / (std + grpoEpsilon));
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
