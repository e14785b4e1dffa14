/** Scored rollouts as metrics and as lines of the run directory. */
import { type Metrics, meanOf, mergeMetrics } from '../core/metrics.ts';
import type { RolloutLine } from '../run/records.ts';
import type { CollectedGroup } from './collect-groups.ts';
import type { ScoredRollout } from './score-rollouts.ts';
import type { TrainingRollout } from './update-policy.ts';

/** `{stage}/mean`, `{stage}/<component>/mean`, `{stage}/unscored` (share of rollouts). */
export function rewardMetrics(stage: string, scored: readonly ScoredRollout[]): Metrics {
  return mergeMetrics(
    scored.map(({ outcome }) => ({
      [`${stage}/mean`]: outcome.kind === 'scored' ? meanOf(outcome.reward) : meanOf(),
      [`${stage}/unscored`]: meanOf(outcome.kind === 'unscored' ? 1 : 0),
      ...Object.fromEntries(
        Object.entries(outcome.components).map(([name, score]) => [
          `${stage}/${name}/mean`,
          score.kind === 'scored' ? meanOf(score.value) : meanOf(),
        ]),
      ),
    })),
  );
}

/** Lengths in tokens, and the share of completions cut off at the limit. */
export function completionMetrics(stage: string, scored: readonly ScoredRollout[]): Metrics {
  return mergeMetrics(
    scored.map(({ rollout }) => ({
      [`${stage}/completionTokens`]: meanOf(rollout.completion.length),
      [`${stage}/truncated`]: meanOf(rollout.stopReason === 'length' ? 1 : 0),
      [`${stage}/tokenLogprob`]: {
        sum: rollout.samplerLogprobs.reduce((a, b) => a + b, 0),
        count: rollout.samplerLogprobs.length,
      },
    })),
  );
}

/** Shares of the groups by what became of them. */
export function groupMetrics(groups: readonly CollectedGroup[]): Metrics {
  return mergeMetrics(
    groups.map(({ use }) => ({
      'rollout/groupsTrained': meanOf(use === 'trained' ? 1 : 0),
      'rollout/groupsFiltered': meanOf(use === 'filtered' ? 1 : 0),
      'rollout/groupsUnscored': meanOf(use === 'unscored' ? 1 : 0),
    })),
  );
}

type NewLine = Omit<RolloutLine, 'attempt' | 'iteration'>;

/** @param trained the rollouts among them that train the policy. */
export function trainingLines(
  groups: readonly CollectedGroup[],
  trained: readonly TrainingRollout[],
): NewLine[] {
  const advantages = new Map(trained.map(({ key, advantage }) => [key, advantage]));
  return groups.flatMap(({ use, rollouts }) =>
    rollouts.map((scored) => {
      const isScored = scored.outcome.kind === 'scored';
      return line(scored, isScored ? use : 'unscored', advantages.get(scored.rollout.key) ?? null);
    }),
  );
}

export function validationLines(scored: readonly ScoredRollout[]): NewLine[] {
  return scored.map((item) => line(item, 'validation', null));
}

function line(
  { rollout, outcome }: ScoredRollout,
  use: RolloutLine['use'],
  advantage: number | null,
): NewLine {
  return {
    key: rollout.key,
    sampleId: rollout.sample.id,
    completion: rollout.text,
    completionTokens: rollout.completion.length,
    stopReason: rollout.stopReason,
    logprob: rollout.samplerLogprobs.reduce((a, b) => a + b, 0),
    reward: outcome.kind === 'scored' ? outcome.reward : null,
    components: outcome.components,
    advantage,
    use,
  };
}
