/** Scored rollouts as metrics and as lines of the run directory. */
import { type Mean, type Metrics, meanOf, mergeMetrics } from '../core/metrics.ts';
import { imageName } from '../image/image-name.ts';
import type { Processor } from '../model/prompt.ts';
import type { RewardOutcome } from '../reward/composite.ts';
import type { RolloutLine } from '../run/records.ts';
import { tokenStrip } from '../run/token-strip.ts';
import type { TrainingRollout } from './advantages.ts';
import type { CollectedGroup } from './collect-groups.ts';
import { type FilterCause, filterCause, filterCauses } from './filter-cause.ts';
import { countCauses, type ScoredRollout } from './score-rollouts.ts';

/**
 * `{stage}/mean`, and for each component `{stage}/<component>/mean` and `/unscored`, the share of its scores
 * that failed, and of what a panel judged `/disagreement`; `{stage}/unscored` (share of rollouts without a reward) and, where there are some,
 * `{stage}/unscored/<cause>`; `{stage}/overlong` (share of the penalty for length) where the profile has one.
 * What has no score is in no mean.
 */
export function rewardMetrics(stage: string, scored: readonly ScoredRollout[]): Metrics {
  const causes = [...countCauses(scored)].map(([cause, count]) => [
    `${stage}/unscored/${cause}`,
    { sum: count, count: scored.length },
  ]);
  return {
    ...mergeMetrics(scored.map(({ outcome }) => outcomeMetrics(stage, outcome))),
    ...Object.fromEntries(causes),
  };
}

function outcomeMetrics(stage: string, outcome: RewardOutcome): Metrics {
  const metrics: Record<string, Mean> = {
    [`${stage}/mean`]: outcome.kind === 'scored' ? meanOf(outcome.reward) : meanOf(),
    [`${stage}/unscored`]: meanOf(outcome.kind === 'unscored' ? 1 : 0),
  };
  for (const [name, score] of Object.entries(outcome.components)) {
    const isScored = score.kind === 'scored';
    metrics[`${stage}/${name}/mean`] = isScored ? meanOf(score.value) : meanOf();
    metrics[`${stage}/${name}/unscored`] = meanOf(isScored ? 0 : 1);
    if (isScored && score.disagreement !== undefined) {
      metrics[`${stage}/${name}/disagreement`] = meanOf(score.disagreement);
    }
  }
  if (outcome.kind === 'scored' && outcome.overlong !== undefined) {
    metrics[`${stage}/overlong`] = meanOf(outcome.overlong);
  }
  return metrics;
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

/** Shares of the groups by what became of them, and of those that were filtered out by their cause. */
export function groupMetrics(groups: readonly CollectedGroup[]): Metrics {
  return mergeMetrics(
    groups.map(({ use, rollouts }) => ({
      'rollout/groupsTrained': meanOf(use === 'trained' ? 1 : 0),
      'rollout/groupsFiltered': meanOf(use === 'filtered' ? 1 : 0),
      ...causeMetrics(use === 'filtered' ? filterCause(rollouts) : undefined),
      'rollout/groupsUnscored': meanOf(use === 'unscored' ? 1 : 0),
    })),
  );
}

function causeMetrics(cause: FilterCause | undefined): Metrics {
  return Object.fromEntries(
    filterCauses.map((one) => [`rollout/groupsFiltered/${one}`, meanOf(one === cause ? 1 : 0)]),
  );
}

type NewLine = Omit<RolloutLine, 'attempt' | 'iteration'>;

/** Rollouts as they are stored, and the images that their lines name. */
export type RecordedRollouts = {
  readonly lines: readonly NewLine[];
  readonly images: ReadonlyMap<string, Uint8Array>;
};

/** What lines say beside scores: the prompt of each group, and each token's logprob where it is wanted. */
export type RecordedTexts = {
  readonly processor: Pick<Processor, 'decode' | 'show'>;
  readonly tokenLogprobs: boolean;
};

/**
 * @param trained the rollouts among them that train the policy.
 * @param texts left out, lines hold neither prompts nor logprobs of tokens
 */
export function trainingRecords(
  groups: readonly CollectedGroup[],
  trained: readonly TrainingRollout[],
  texts?: RecordedTexts,
): RecordedRollouts {
  const advantages = new Map(trained.map(({ key, advantage }) => [key, advantage]));
  const images = new Map<string, Uint8Array>();
  const lines = groups.flatMap(({ use, rollouts, greedy }) => [
    ...rollouts.map((scored, index) => {
      const advantage = advantages.get(scored.rollout.key) ?? null;
      return {
        ...(index === 0 ? promptOf(scored, texts) : {}),
        ...line(scored, useOf(scored, use, advantage), advantage, images, texts),
      };
    }),
    ...(greedy ? [line(greedy, 'baseline', null, images, texts)] : []),
  ]);
  return { lines, images };
}

function useOf(
  { outcome }: ScoredRollout,
  use: CollectedGroup['use'],
  advantage: number | null,
): RolloutLine['use'] {
  if (outcome.kind === 'unscored') return 'unscored';
  return use !== 'trained' && advantage !== null ? 'distilled' : use;
}

export function validationRecords(
  greedy: readonly ScoredRollout[],
  sampled: readonly ScoredRollout[],
  texts?: RecordedTexts,
): RecordedRollouts {
  const images = new Map<string, Uint8Array>();
  const lines = [
    ...greedy.map((item) => ({
      ...promptOf(item, texts),
      ...line(item, 'validation', null, images, texts),
    })),
    ...sampled.map((item) => line(item, 'validation-sampled', null, images, texts)),
  ];
  return { lines, images };
}

/** A reader needs no data set to understand a line: it says what was asked and what was right. */
function line(
  { rollout, outcome }: ScoredRollout,
  use: RolloutLine['use'],
  advantage: number | null,
  images: Map<string, Uint8Array>,
  texts: RecordedTexts | undefined,
): NewLine {
  const { sample } = rollout;
  const names = sample.images.map(({ bytes }) => nameOfImage(bytes));
  for (const [place, name] of names.entries()) images.set(name, sample.images[place]!.bytes);
  return {
    key: rollout.key,
    sampleId: sample.id,
    question: sample.problem,
    reference: sample.referenceAnswer,
    accepted: [...sample.accepted],
    ...(sample.rubric === undefined ? {} : { rubric: [...sample.rubric] }),
    ...(sample.reading === undefined ? {} : { reading: sample.reading }),
    ...(sample.modality === undefined ? {} : { modality: sample.modality }),
    source: sample.source,
    images: names,
    completion: rollout.text,
    completionTokens: rollout.completion.length,
    stopReason: rollout.stopReason,
    logprob: rollout.samplerLogprobs.reduce((a, b) => a + b, 0),
    ...tokensOf(rollout, texts),
    reward: outcome.kind === 'scored' ? outcome.reward : null,
    components: outcome.components,
    advantage,
    use,
  };
}

function promptOf({ rollout }: ScoredRollout, texts: RecordedTexts | undefined) {
  return texts === undefined ? {} : { prompt: texts.processor.show(rollout.prompt.tokens) };
}

function tokensOf(
  { text, completion, samplerLogprobs }: ScoredRollout['rollout'],
  texts: RecordedTexts | undefined,
): Pick<NewLine, 'tokens'> {
  if (!texts?.tokenLogprobs) return {};
  const tokens = tokenStrip(text, completion, samplerLogprobs, texts.processor.decode);
  return tokens === undefined ? {} : { tokens };
}

const imageNames = new WeakMap<Uint8Array, string>();

/** All rollouts of a group show the same bytes. */
function nameOfImage(bytes: Uint8Array): string {
  const known = imageNames.get(bytes) ?? imageName(bytes);
  imageNames.set(bytes, known);
  return known;
}
