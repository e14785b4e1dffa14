/** Whether there is anything to learn: how often the model is right now, and how many groups have rewards that differ. */
import type { TrainConfig } from '../../../config/train-config.ts';
import { percent, percentWithin } from '../../../eval/reports/wording.ts';
import { wilsonInterval } from '../../../statistics/proportion.ts';
import { rewardsOf } from '../../../train/score-rollouts.ts';
import type { Pilot } from './pilot.ts';
import { isRight, meanShare, type Share } from './right.ts';
import { look, type Remark, type Section, sectionOf, stops } from './section.ts';

/** Below this share of groups whose rewards differ, most of what is sampled teaches nothing. */
const leastDiffering = 0.2;
/** A share of completions cut off at their limit that is worth a look. */
const manyTruncated = 0.2;
/** A share of an iteration's groups whose lack is worth a look. */
const muchLacking = 0.2;

export type HeadroomFacts = {
  readonly prompts: number;
  readonly groupSize: number;
  /** Share of completions that are right, and of prompts with a right one among their group; null without scores. */
  readonly passAt1: Share | null;
  readonly passAtGroupSize: Share | null;
  readonly meanReward: number | null;
  /** Shares of groups: whose rewards differ; which the config's filter trains on. */
  readonly differing: Share;
  readonly trained: number;
  /** Shares of completions. */
  readonly truncated: number;
  readonly unscored: number;
  readonly completionTokens: number;
  /** Prompts that an iteration samples to fill itself, and groups that it then lacks. */
  readonly drawn: number;
  readonly lacking: number;
};

export function inspectHeadroom(config: TrainConfig, pilot: Pilot): Section<HeadroomFacts> {
  const { groups } = pilot;
  const rollouts = groups.flatMap((group) => group.rollouts);
  const rights = groups
    .map((group) => group.rollouts.flatMap(({ outcome }) => isRight(outcome) ?? []))
    .filter((right) => right.length > 0);
  const rewards = rewardsOf(rollouts);
  const differing = groups.filter((group) => group.differs).length;
  const trained = groups.filter((group) => group.isTrained).length / groups.length;
  const shareOf = (some: readonly unknown[]) => some.length / rollouts.length;
  const facts: HeadroomFacts = {
    prompts: groups.length,
    groupSize: config.rollout.groupSize,
    passAt1: meanShare(rights.map((right) => right.filter(Boolean).length / right.length)) ?? null,
    passAtGroupSize: meanShare(rights.map((right) => (right.includes(true) ? 1 : 0))) ?? null,
    meanReward: rewards.length > 0 ? rewards.reduce((a, b) => a + b) / rewards.length : null,
    differing: {
      value: differing / groups.length,
      interval: wilsonInterval(differing, groups.length),
    },
    trained,
    truncated: shareOf(rollouts.filter(({ rollout }) => rollout.stopReason === 'length')),
    unscored: shareOf(rollouts.filter(({ outcome }) => outcome.kind === 'unscored')),
    completionTokens:
      rollouts.reduce((sum, { rollout }) => sum + rollout.completion.length, 0) / rollouts.length,
    ...filling(config, trained),
  };
  return sectionOf(facts, remarksOn(facts, config));
}

/** A round draws what is missing; each draw is trained on with this probability. */
function filling(
  { rollout: { promptsPerIteration }, algorithm: { maxSampleRounds } }: TrainConfig,
  trained: number,
): Pick<HeadroomFacts, 'drawn' | 'lacking'> {
  let [missing, drawn] = [promptsPerIteration, 0];
  for (let round = 0; round < maxSampleRounds && missing >= 0.5; round++) {
    drawn += missing;
    missing *= 1 - trained;
  }
  return { drawn, lacking: missing };
}

function remarksOn(facts: HeadroomFacts, { rollout, algorithm, reward }: TrainConfig): Remark[] {
  const { differing, trained, truncated, unscored, lacking, meanReward, prompts } = facts;
  const found: Remark[] = [];
  if (unscored > reward.unscoredLimit) {
    found.push(
      stops(
        `${percent(unscored)} of the completions have no score, more than reward.unscoredLimit: the run would pause in its first iteration.`,
      ),
    );
  }
  if (differing.value < leastDiffering) {
    const why =
      meanReward !== null && meanReward > 0.5
        ? 'the questions are too easy for this model'
        : 'the questions are too hard for this model, or it does not keep the format that the reward asks for';
    found.push(
      look(
        `No headroom: only in ${Math.round(differing.value * prompts)} of ${prompts} groups (${percentWithin(differing.value, differing.interval)}, below ${percent(leastDiffering)}) do rewards differ, and the others teach nothing. Perhaps ${why}. Train on other questions, raise rollout.groupSize, or fine-tune first (medix sft).`,
      ),
    );
  }
  if (lacking > muchLacking * rollout.promptsPerIteration && trained < 1) {
    found.push(
      look(
        `Filtering leaves an iteration about ${Math.round(lacking)} of its ${rollout.promptsPerIteration} groups short: algorithm.maxSampleRounds is ${algorithm.maxSampleRounds}.`,
      ),
    );
  }
  if (truncated > manyTruncated) {
    found.push(
      look(
        `${percent(truncated)} of the completions are cut off at rollout.maxCompletionTokens (${rollout.maxCompletionTokens}).`,
      ),
    );
  }
  return found;
}
