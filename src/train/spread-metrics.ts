/**
 * How the rollouts of an iteration are spread: what means alone hide, e.g. a reward that no longer differs
 * within groups, answers that repeat each other, or a reward that grows with length. Pure.
 */
import { rewardNoise, standardDeviation } from '../advantage/estimators.ts';
import { type Metrics, meanOf, mergeMetrics } from '../core/metrics.ts';
import { spearman } from '../statistics/correlation.ts';
import { quantile } from '../statistics/quantile.ts';
import type { TrainingRollout } from './advantages.ts';
import type { CollectedGroup } from './collect-groups.ts';
import { isRight } from './filter-cause.ts';
import { rewardsOf, type ScoredRollout } from './score-rollouts.ts';

/** Of everything that was sampled, scored or not, in groups that train and in others. */
export function spreadMetrics(groups: readonly Pick<CollectedGroup, 'rollouts'>[]): Metrics {
  const scored = groups.flatMap(({ rollouts }) => rollouts);
  return {
    ...rewardSpread(scored),
    ...groupSpread(groups),
    ...lengthSpread(scored),
    'rollout/empty': share(scored, ({ rollout }) => rollout.text.trim() === ''),
    'rollout/repeated':
      mergeMetrics(groups.map(({ rollouts }) => ({ repeated: repetitions(rollouts) })))[
        'repeated'
      ] ?? meanOf(),
  };
}

/** `advantage/min`, `/max` and `/std` over the rollouts that train. */
export function advantageMetrics(trained: readonly TrainingRollout[]): Metrics {
  const advantages = trained.map(({ advantage }) => advantage);
  return {
    'advantage/min': quantileOf(advantages, 0),
    'advantage/max': quantileOf(advantages, 1),
    'advantage/std': deviationOf(advantages),
  };
}

/** Value at a share of the sorted values; nothing where there are none. */
export function quantileOf(values: readonly number[], at: number): ReturnType<typeof meanOf> {
  if (values.length === 0) return meanOf();
  return meanOf(quantile(Float64Array.from(values).sort(), at));
}

/** Standard deviations of rewards and components, and whether longer completions get more. */
function rewardSpread(scored: readonly ScoredRollout[]): Metrics {
  const names = new Set(scored.flatMap(({ outcome }) => Object.keys(outcome.components)));
  const components = [...names].map((name) => {
    const values = scored.flatMap(({ outcome }) => {
      const score = outcome.components[name];
      return score?.kind === 'scored' ? [score.value] : [];
    });
    return [`reward/${name}/std`, deviationOf(values)] as const;
  });
  const rewarded = scored.filter(({ outcome }) => outcome.kind === 'scored');
  const lengths = rewarded.map(({ rollout }) => rollout.completion.length);
  const correlation = spearman(rewardsOf(rewarded), lengths);
  return {
    ...Object.fromEntries(components),
    'reward/std': deviationOf(rewardsOf(scored)),
    'reward/lengthCorrelation': correlation === undefined ? meanOf() : meanOf(correlation),
  };
}

/** Of groups in which at least two rollouts have a reward. */
function groupSpread(groups: readonly Pick<CollectedGroup, 'rollouts'>[]): Metrics {
  const deviations = groups
    .map(({ rollouts }) => rewardsOf(rollouts))
    .filter((rewards) => rewards.length > 1)
    .map(standardDeviation);
  return {
    'reward/groupStd': meanOf(...deviations),
    'reward/groupStd/p10': quantileOf(deviations, 0.1),
    'reward/groupStd/p50': quantileOf(deviations, 0.5),
    'reward/groupStd/p90': quantileOf(deviations, 0.9),
    'reward/groupStd/zero': share(deviations, (deviation) => deviation <= rewardNoise),
  };
}

function lengthSpread(scored: readonly ScoredRollout[]): Metrics {
  const lengthsOf = (rollouts: readonly ScoredRollout[]) =>
    rollouts.map(({ rollout }) => rollout.completion.length);
  const rewarded = scored.filter(({ outcome }) => outcome.kind === 'scored');
  const key = 'rollout/completionTokens';
  const all = lengthsOf(scored);
  return {
    [`${key}/min`]: quantileOf(all, 0),
    [`${key}/p50`]: quantileOf(all, 0.5),
    [`${key}/p95`]: quantileOf(all, 0.95),
    [`${key}/max`]: quantileOf(all, 1),
    [`${key}/stopped`]: meanOf(
      ...lengthsOf(scored.filter(({ rollout }) => rollout.stopReason === 'stop')),
    ),
    [`${key}/right`]: meanOf(...lengthsOf(rewarded.filter(({ outcome }) => isRight(outcome)))),
    [`${key}/wrong`]: meanOf(...lengthsOf(rewarded.filter(({ outcome }) => !isRight(outcome)))),
  };
}

/** The first of several equal responses repeats nothing. */
function repetitions(rollouts: readonly ScoredRollout[]): ReturnType<typeof meanOf> {
  const different = new Set(rollouts.map(({ rollout }) => rollout.text.trim()));
  return { sum: rollouts.length - different.size, count: rollouts.length };
}

function deviationOf(values: readonly number[]): ReturnType<typeof meanOf> {
  return values.length > 1 ? meanOf(standardDeviation(values)) : meanOf();
}

function share<T>(items: readonly T[], holds: (item: T) => boolean): ReturnType<typeof meanOf> {
  return { sum: items.filter(holds).length, count: items.length };
}
