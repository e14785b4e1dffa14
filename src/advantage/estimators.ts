/**
 * How much better each completion did than others. Pure functions of rewards and lengths, [P, G] → [P, G], of
 * one batch: most compare the completions of a group with each other, some those of the whole batch. Unscored
 * rollouts must have left their groups before.
 */
import { defined, invariant } from '../core/errors.ts';
import { passAtKAdvantages } from './pass-at-k.ts';

export type AdvantageName =
  | 'grpo'
  | 'rloo'
  | 'dr-grpo'
  | 'opo'
  | 'remax'
  | 'pass@k'
  | 'maxrl'
  | 'reinforce++'
  | 'reinforce++-baseline';

export type Rewarded = {
  readonly reward: number;
  /** Length of the completion. */
  readonly tokens: number;
  /** Of the greedy completion of the same prompt; needed by `remax` alone. */
  readonly greedyReward?: number | undefined;
};

export type EstimatorSettings = {
  /** k of `pass@k`, at least 2; needed by it alone. */
  readonly passAtK?: number;
  /** Deviation up to which rewards count as equal. @default 1e-4 */
  readonly noise?: number;
};

type Group = readonly Rewarded[];

type AdvantageEstimator = {
  /** What a completion is compared with. */
  readonly over: 'group' | 'batch';
  /** Scored rollouts that a group needs. */
  readonly smallestGroup: 1 | 2;
  /** Whether it compares with the greedy completion of the prompt. @default false */
  readonly needsGreedy?: boolean;
  readonly estimate: (groups: readonly Group[], settings?: EstimatorSettings) => number[][];
};

/** Added to standard deviations, as in the paper's code (arXiv 2602.23363). */
const deviationEpsilon = 1e-6;

/**
 * Standard deviation up to which rewards differ by rounding alone: graded similarities vary by about 1e-7 with
 * the batch around them, and a division by their deviation would make ±1 of it. The scale is that of TRL, whose
 * GRPOTrainer adds 1e-4 to every deviation, of groups and of parts alike.
 */
export const rewardNoise = 1e-4;

/** Unbiased; 0 for a single value. */
export function standardDeviation(values: readonly number[]): number {
  const squares = centred(values).reduce((sum, deviation) => sum + deviation * deviation, 0);
  return values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0;
}

/**
 * Within a group, with r a reward and 0 for all where the group's rewards are equal:
 * - `grpo`: (r − mean) / (std + 1e-6), std unbiased (arXiv 2402.03300; as in the code of arXiv 2602.23363); 0
 *   where std is at most the noise.
 * - `rloo`: r − mean of the others (arXiv 2402.14740).
 * - `dr-grpo`: r − mean, without the division that favours groups of little variance (arXiv 2503.20783).
 * - `opo`: r − mean weighted by length, the baseline of least variance (arXiv 2505.23585).
 * - `remax`: r − the reward of the greedy completion (arXiv 2310.10505); the only one here that is not 0 where the
 *   group's rewards are equal, and that a group of one suffices for.
 * - `pass@k`: how much a completion raises the best reward of k drawn from its group (arXiv 2508.10751); see
 *   `pass-at-k.ts`.
 * - `maxrl`: (r − mean) / mean, the gradient of the log of the mean reward instead of the mean reward (arXiv
 *   2602.02710); 0 where the mean is at most the noise. For rewards of at least 0.
 *
 * Over the batch:
 * - `reinforce++`: (r − mean) / (std + 1e-6), both over all rollouts of the batch (arXiv 2501.03262).
 * - `reinforce++-baseline`: r − mean of the group, divided by the std of these over the batch (the same).
 *   Both count every rollout once, where the authors' code counts it once for each token.
 */
export const advantageEstimators: Readonly<Record<AdvantageName, AdvantageEstimator>> = {
  grpo: withinGroup((rewards, _tokens, { noise = rewardNoise }) => {
    const std = standardDeviation(rewards);
    return centred(rewards).map((d) => (std > noise ? d / (std + deviationEpsilon) : 0));
  }),
  rloo: withinGroup((rewards) => {
    const scale = rewards.length / (rewards.length - 1);
    return centred(rewards).map((deviation) => deviation * scale);
  }),
  'dr-grpo': withinGroup(centred),
  opo: withinGroup((rewards, tokens) => {
    const all = sum(tokens);
    const baseline = sum(rewards.map((reward, i) => reward * (tokens[i] ?? 0))) / all;
    return rewards.map((reward) => reward - baseline);
  }),
  remax: {
    over: 'group',
    smallestGroup: 1,
    needsGreedy: true,
    estimate: (groups) =>
      groups.map((group) =>
        group.map(
          ({ reward, greedyReward }) =>
            reward - defined(greedyReward, 'reward of the greedy answer'),
        ),
      ),
  },
  'pass@k': withinGroup((rewards, _tokens, { passAtK, noise = rewardNoise }) =>
    passAtKAdvantages(rewards, defined(passAtK, 'k of pass@k'), noise),
  ),
  maxrl: withinGroup((rewards, _tokens, { noise = rewardNoise }) => {
    const mean = sum(rewards) / rewards.length;
    return centred(rewards).map((deviation) => (mean > noise ? deviation / mean : 0));
  }),
  'reinforce++': {
    over: 'batch',
    smallestGroup: 1,
    estimate: (groups, settings) => normalised(groups.map(rewardsOf), settings),
  },
  'reinforce++-baseline': {
    over: 'batch',
    smallestGroup: 2,
    estimate: (groups, settings) =>
      normalised(
        groups.map((group) => centred(rewardsOf(group))),
        settings,
      ),
  },
};

function withinGroup(
  estimate: (
    rewards: readonly number[],
    tokens: readonly number[],
    settings: EstimatorSettings,
  ) => number[],
): AdvantageEstimator {
  return {
    over: 'group',
    smallestGroup: 2,
    estimate: (groups, settings = {}) =>
      groups.map((group) => {
        invariant(group.length >= 2, 'a group needs two rewards for a baseline');
        return estimate(
          rewardsOf(group),
          group.map(({ tokens }) => tokens),
          settings,
        );
      }),
  };
}

/** Of mean 0 and standard deviation 1 over the batch; all 0 where it does not vary. */
function normalised(
  groups: readonly (readonly number[])[],
  { noise = rewardNoise }: EstimatorSettings = {},
): number[][] {
  const batch = groups.flat();
  const mean = sum(batch) / batch.length;
  const std = standardDeviation(batch);
  return groups.map((group) =>
    group.map((value) => (std > noise ? (value - mean) / (std + deviationEpsilon) : 0)),
  );
}

function rewardsOf(group: Group): number[] {
  return group.map(({ reward }) => reward);
}

function centred(values: readonly number[]): number[] {
  const mean = sum(values) / values.length;
  return values.map((value) => value - mean);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
