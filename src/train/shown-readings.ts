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
import { formatDemonstration } from '../data/response.ts';
import type { Engine } from '../engine/engine.ts';
import type { TrainingRollout } from './advantages.ts';
import type { ShownReadings } from './algorithm.ts';
import { thinkingTokens } from './block-credit.ts';
import type { CollectedGroup } from './collect-groups.ts';

/**
 * @param trained The groups of `groups` that train, in any order; keys of rollouts tell which is which, since two groups
 *   may have one prompt.
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
  const { decode } = engine.model.processor;
  const responses = groups.map((group) => responseOf(group, engine));
  const told = responses.filter((response) => response !== undefined);
  const logprobs = told.length > 0 ? await engine.logprobs(told, 'policy', signal) : [];
  const trainedBy = new Map(trained.flatMap((group) => group.map(({ key }) => [key, group])));
  const ofReadings: number[] = [];
  let next = 0;
  const together = groups.map(({ rollouts }, g): TrainingRollout[] => {
    const trains = rollouts.find(({ rollout }) => trainedBy.has(rollout.key));
    const own = trainedBy.get(trains?.rollout.key ?? '') ?? [];
    const response = responses[g];
    if (response === undefined) return own;
    const samplerLogprobs = defined(logprobs[next++], 'logprobs of a reading');
    const thinking = defined(thinkingTokens(response, decode), 'end of the thinking');
    ofReadings.push(...samplerLogprobs.subarray(0, thinking));
    const tokenAdvantages = new Float32Array(response.completion.length).fill(
      shown.weight,
      0,
      thinking,
    );
    return [...own, { ...response, samplerLogprobs, advantage: 0, tokenAdvantages }];
  });
  return {
    groups: together.filter(({ length }) => length > 0),
    metrics: { 'rollout/shownReadingLogprob': meanOf(...ofReadings) },
  };
}

/**
 * A whole response, though only its thinking is imitated: a tokenizer may join the end of the thinking with what comes
 * after it, and the end of a text that is cut off there would be another token. Undefined where the sample has no reading.
 */
function responseOf({ rollouts }: CollectedGroup, engine: Engine) {
  const { rollout } = defined(rollouts[0], 'rollout of a group');
  const { modality, reading, referenceAnswer } = rollout.sample;
  if (reading === undefined) return undefined;
  const text = formatDemonstration({ modality, thinking: reading, answer: referenceAnswer });
  const completion = engine.model.processor.encodeCompletion(text, true);
  return { ...rollout, key: `${rollout.key}/reading`, text, completion };
}
