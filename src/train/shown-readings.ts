/**
 * Readings are shown beside what is sampled: for each prompt whose sample says what can be read off its images, the
 * policy also learns the modality tag and the thinking that says it, each token with the same advantage. Rewards alone
 * make likelier what the policy already samples now and then; a reading that it does not find it learns from nobody.
 *
 * After the mix of reinforcement learning and imitation of InstructGPT (PPO-ptx, arXiv 2203.02155, section 3.5), and of
 * demonstrations beside a group of LUFFY (arXiv 2504.14945). Deviations: the text up to the end of the thinking alone
 * is imitated, so that answers are learned from rewards; the demonstration is no member of the group, whose advantages
 * stay as they are; it goes through the policy loss, at whose first step the gradient is that of the cross-entropy, and
 * which bounds later ones.
 */
import { defined } from '../core/errors.ts';
import { type Metrics, meanOf } from '../core/metrics.ts';
import type { Sample } from '../core/sample.ts';
import type { Engine } from '../engine/engine.ts';
import type { TrainingRollout } from './advantages.ts';
import type { ShownReadings } from './algorithm.ts';
import type { CollectedGroup } from './collect-groups.ts';

/**
 * @param trained The groups of `groups` that train, in any order; the prompt tells which is which.
 * @returns the same with the readings among them, in the order of `groups`, those of groups that do not train included;
 *   `rollout/shownReadingLogprob`, the mean of ln P of their tokens, in nats.
 */
export async function withShownReadings(
  engine: Engine,
  groups: readonly CollectedGroup[],
  trained: readonly TrainingRollout[][],
  shown: ShownReadings | undefined,
  signal: AbortSignal,
): Promise<{ readonly groups: readonly TrainingRollout[][]; readonly metrics: Metrics }> {
  if (shown === undefined) return { groups: trained, metrics: {} };
  const readings = groups.map((group) => readingOf(group, engine));
  const told = readings.filter((reading) => reading !== undefined);
  const logprobs = told.length > 0 ? await engine.logprobs(told, 'policy', signal) : [];
  const trainedBy = new Map(trained.map((group) => [group[0]?.prompt, group]));
  let next = 0;
  const together = groups.map(({ rollouts }, g): TrainingRollout[] => {
    const own = trainedBy.get(rollouts[0]?.rollout.prompt) ?? [];
    const reading = readings[g];
    if (reading === undefined) return own;
    const samplerLogprobs = defined(logprobs[next++], 'logprobs of a reading');
    return [...own, { ...reading, samplerLogprobs, advantage: shown.weight }];
  });
  return {
    groups: together.filter(({ length }) => length > 0),
    metrics: { 'rollout/shownReadingLogprob': meanOf(...logprobs.flatMap((row) => [...row])) },
  };
}

/** Undefined where the sample has no reading. */
function readingOf({ rollouts }: CollectedGroup, engine: Engine) {
  const { rollout } = defined(rollouts[0], 'rollout of a group');
  const text = textOf(rollout.sample);
  if (text === undefined) return undefined;
  const completion = engine.model.processor.encodeCompletion(text, false);
  return { ...rollout, key: `${rollout.key}/reading`, text, completion };
}

function textOf({ modality, reading }: Sample): string | undefined {
  if (reading === undefined) return undefined;
  const tag = modality === undefined ? '' : `<${modality}>`;
  return `${tag}<thinking>${reading}</thinking>`;
}
