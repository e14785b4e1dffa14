/** From the scored groups of an iteration to rollouts with their advantages. */
import { decoupledAdvantages } from '../advantage/decoupled.ts';
import { advantageEstimators } from '../advantage/estimators.ts';
import { lengthPenalties } from '../advantage/length-penalty.ts';
import { defined, fail } from '../core/errors.ts';
import { type Metrics, meanOf } from '../core/metrics.ts';
import type { Engine } from '../engine/engine.ts';
import type { RewardOutcome } from '../reward/composite.ts';
import type { RewardProfile } from '../reward/profile.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { klPenalties } from '../update/kl.ts';
import type { Algorithm, Estimation, LengthPenalty, RewardPenalty } from './algorithm.ts';
import type { CollectedGroup } from './collect-groups.ts';
import { rewardOf } from './score-rollouts.ts';

/** A rollout that trains the policy. */
export type TrainingRollout = Rollout & {
  readonly advantage: number;
  /** [T] advantages of its tokens, where they differ: they take the place of the one. */
  readonly tokenAdvantages?: Float32Array;
};

/** What an advantage is made of. */
export type Estimable = Pick<Extract<RewardOutcome, { kind: 'scored' }>, 'reward' | 'parts'> & {
  /** Length of the completion. */
  readonly tokens: number;
  /** Of the greedy completion of the same prompt; needed by some advantages. */
  readonly greedyReward?: number | undefined;
};

const noLengthPenalty: LengthPenalty = { weight: 0, tokens: 1 };

/**
 * Advantages of the groups that train, [P, G]. Rewards that come with their parts are compared part by part
 * (GDPO, arXiv 2601.05242), the others as they are.
 */
export function estimateAdvantages(
  groups: readonly (readonly Estimable[])[],
  { advantage, ...settings }: Omit<Estimation, 'filter'>,
): number[][] {
  const isDecoupled = groups.some((group) => group.some(({ parts }) => parts));
  if (!isDecoupled) return advantageEstimators[advantage].estimate(groups, settings);
  const parted = groups.map((group) =>
    group.map(({ parts, tokens }) => ({ parts: defined(parts, 'parts of a reward'), tokens })),
  );
  return decoupledAdvantages(parted, advantage, settings);
}

/**
 * Advantages of the scored rollouts of each trained group; groups stay whole and in order.
 * @param changes what to add to the rewards of rollouts, by their keys
 */
export function withAdvantages(
  groups: readonly CollectedGroup[],
  estimation: Omit<Estimation, 'filter'> & { readonly lengthPenalty?: LengthPenalty },
  changes: ReadonlyMap<string, number> = new Map(),
): TrainingRollout[][] {
  const { lengthPenalty = noLengthPenalty, ...rest } = estimation;
  const trained = trainedOf(groups);
  const advantages = estimateAdvantages(
    trained.map((group) => {
      const rewarded = group.map(({ rollout, outcome }) => ({
        ...outcome,
        tokens: rollout.completion.length,
      }));
      const lengths = lengthPenalties(rewarded, lengthPenalty.weight, lengthPenalty.tokens);
      return group.map(({ rollout, greedyReward }, i) => {
        const one = defined(rewarded[i], 'reward');
        const change = (changes.get(rollout.key) ?? 0) - (lengths[i] ?? 0);
        return { ...one, reward: one.reward + change, greedyReward };
      });
    }),
    rest,
  );
  return trained.map((group, g) =>
    group.map(({ rollout }, i) => ({
      ...rollout,
      advantage: defined(advantages[g]?.[i], 'advantage'),
    })),
  );
}

/**
 * The KL penalty in the reward: the coefficient times the estimator's sum over the tokens of a completion,
 * between the policy that sampled it and the reference.
 * @returns what it adds to rewards, nothing above 0, by the keys of the rollouts that train, the mean penalty as `rollout/klPenalty` and that of the
 *   estimator over tokens as `rollout/kl`; nothing where there is no such penalty
 */
export async function rewardPenalties(
  engine: Engine,
  groups: readonly CollectedGroup[],
  penalty: RewardPenalty | undefined,
  signal: AbortSignal,
): Promise<{ readonly byKey: ReadonlyMap<string, number>; readonly metrics: Metrics }> {
  if (penalty === undefined) return { byKey: new Map(), metrics: {} };
  const rollouts = trainedOf(groups)
    .flat()
    .map(({ rollout }) => rollout);
  const sequences = rollouts.map(({ prompt, completion }) => ({ prompt, completion }));
  const reference =
    sequences.length > 0 ? await engine.logprobs(sequences, 'reference', signal) : [];
  const penaltyOf = klPenalties[penalty.estimator];
  const sums = rollouts.map(({ samplerLogprobs }, i) => {
    const referenceLogprobs = defined(reference[i], 'reference logprobs');
    return samplerLogprobs.reduce(
      (total, logprob, t) => total + penaltyOf(logprob, referenceLogprobs[t] ?? 0).value,
      0,
    );
  });
  const values = sums.map((sum) => penalty.coefficient * sum);
  return {
    byKey: new Map(rollouts.map(({ key }, i) => [key, -(values[i] ?? 0)])),
    metrics: {
      'rollout/klPenalty': meanOf(...values),
      'rollout/kl': {
        sum: sums.reduce((a, b) => a + b, 0),
        count: sequences.reduce((tokens, { completion }) => tokens + completion.length, 0),
      },
    },
  };
}

/**
 * A reward in parts is compared within groups, and has no sum from which a penalty could be taken off.
 * @throws MedixError 'config' where the algorithm asks for something else
 */
export function requireComparableParts(
  { aggregation }: Pick<RewardProfile, 'aggregation'>,
  algorithm: Pick<Algorithm, 'advantage'> &
    Partial<Pick<Algorithm, 'rewardPenalty' | 'lengthPenalty' | 'imageContrast'>>,
): void {
  if (aggregation !== 'per-component') return;
  const { advantage, rewardPenalty, lengthPenalty = noLengthPenalty, imageContrast } = algorithm;
  const next = 'change it, or take a reward profile with another aggregation';
  const { over, needsGreedy = false } = advantageEstimators[advantage];
  if (over === 'batch' || needsGreedy) {
    const expected =
      'an advantage within groups, since the reward profile compares its parts one by one';
    fail('config', { where: 'algorithm.advantage', expected, got: `"${advantage}"`, next });
  }
  if (lengthPenalty.weight > 0) {
    const expected = '0, since the reward profile compares its parts one by one';
    const got = String(lengthPenalty.weight);
    fail('config', { where: 'algorithm.lengthPenalty', expected, got, next });
  }
  if (imageContrast) {
    const expected = 'none, since the reward profile compares its parts one by one';
    const got = `weight ${imageContrast.weight}`;
    fail('config', { where: 'algorithm.imageContrast', expected, got, next });
  }
  if (rewardPenalty) {
    const expected = '"loss", since the reward profile compares its parts one by one';
    fail('config', { where: 'algorithm.loss.klIn', expected, got: '"reward"', next });
  }
}

/** What several changes add up to. */
export function sumsByKey(
  ...changes: readonly ReadonlyMap<string, number>[]
): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [key, change] of changes.flatMap((one) => [...one])) {
    sums.set(key, (sums.get(key) ?? 0) + change);
  }
  return sums;
}

function trainedOf(groups: readonly CollectedGroup[]) {
  return groups
    .filter(({ use }) => use === 'trained')
    .map(({ rollouts, greedy }) =>
      rollouts.flatMap(({ rollout, outcome }) =>
        outcome.kind === 'scored' ? [{ rollout, outcome, greedyReward: rewardOf(greedy) }] : [],
      ),
    );
}
