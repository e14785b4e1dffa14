/**
 * A bonus for completions that need their image. Each is scored once more under the policy, with a grey image or that
 * of another prompt of the iteration in place of its own; what its tokens are less likely then,
 *
 *     d = mean over tokens of ln P(token | own image) − ln P(token | other image),
 *
 * earns weight · (1 − e^(−max(0, d))), which lies in [0, weight). A completion that would have been written whatever
 * the image shows earns nothing. The contrast is that of visual contrastive decoding (arXiv 2311.16922), taken here as
 * a reward and not for sampling; the bonus is added before advantages are computed.
 */
import { defined } from '../core/errors.ts';
import { type Metrics, meanOf } from '../core/metrics.ts';
import type { Sample } from '../core/sample.ts';
import type { Engine } from '../engine/engine.ts';
import { greyImage } from '../image/grey-image.ts';
import type { Prompt } from '../model/prompt.ts';
import type { PreparePrompt } from '../rollout/prepare-prompts.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { CollectedGroup } from './collect-groups.ts';

export type ImageContrast = {
  /** Of the bonus at its largest; above 0. */
  readonly weight: number;
  /** What stands in place of the image. */
  readonly against: 'grey' | 'other';
};

/**
 * @returns bonuses by the keys of the rollouts that train, their mean as `rollout/imageBonus`, and that of d, in nats,
 *   as `rollout/imageContrast`; nothing where no contrast is asked for. Rollouts without images, and those whose
 *   prompt is rejected with the other image, get no bonus.
 */
export async function imageBonuses(
  engine: Engine,
  groups: readonly CollectedGroup[],
  contrast: ImageContrast | undefined,
  prepare: PreparePrompt,
  signal: AbortSignal,
): Promise<{ readonly byKey: ReadonlyMap<string, number>; readonly metrics: Metrics }> {
  if (contrast === undefined) return { byKey: new Map(), metrics: {} };
  const trained = groups.filter(({ use }) => use === 'trained');
  const pairs = await Promise.all(
    trained.map(async ({ rollouts }, index) => {
      const prompt = await otherPrompt(trained, index, contrast, prepare);
      const scored = rollouts.filter(({ outcome }) => outcome.kind === 'scored');
      return prompt ? scored.map(({ rollout }) => ({ rollout, prompt })) : [];
    }),
  );
  const compared = pairs.flat();
  if (compared.length === 0) {
    return {
      byKey: new Map(),
      metrics: { 'rollout/imageBonus': meanOf(), 'rollout/imageContrast': meanOf() },
    };
  }
  const foreign = await engine.logprobs(
    compared.map(({ rollout, prompt }) => ({ prompt, completion: rollout.completion })),
    'policy',
    signal,
  );
  const own = await ownLogprobs(
    engine,
    compared.map(({ rollout }) => rollout),
    signal,
  );
  const differences = compared.map((_, i) =>
    meanDifference(defined(own[i], 'own logprobs'), defined(foreign[i], 'other logprobs')),
  );
  const bonuses = differences.map((d) => contrast.weight * -Math.expm1(-Math.max(0, d)));
  return {
    byKey: new Map(compared.map(({ rollout }, i) => [rollout.key, bonuses[i] ?? 0])),
    metrics: {
      'rollout/imageBonus': meanOf(...bonuses),
      'rollout/imageContrast': meanOf(...differences),
    },
  };
}

/** The sampler's where they are the policy's own. */
async function ownLogprobs(
  engine: Engine,
  rollouts: readonly Rollout[],
  signal: AbortSignal,
): Promise<readonly Float32Array[]> {
  if (engine.guarantees.samplerLogprobs === 'exact') {
    return rollouts.map(({ samplerLogprobs }) => samplerLogprobs);
  }
  const sequences = rollouts.map(({ prompt, completion }) => ({ prompt, completion }));
  return engine.logprobs(sequences, 'policy', signal);
}

/** The prompt of a group with other images; undefined where it has none, or no other can be had. */
async function otherPrompt(
  groups: readonly CollectedGroup[],
  index: number,
  { against }: ImageContrast,
  prepare: PreparePrompt,
): Promise<Prompt | undefined> {
  const sample = sampleOf(groups[index]);
  if (sample === undefined || sample.images.length === 0) return undefined;
  const images =
    against === 'grey'
      ? await Promise.all(sample.images.map(greyImage))
      : imagesOfAnother(groups, index, sample);
  if (images === undefined) return undefined;
  const outcome = await prepare({ ...sample, images });
  return outcome.kind === 'prepared' ? outcome.prompt : undefined;
}

/** Those of the next group about another sample with as many images, after the last the first ones. */
function imagesOfAnother(
  groups: readonly CollectedGroup[],
  index: number,
  { id, images }: Sample,
): Sample['images'] | undefined {
  const next = [...groups.slice(index + 1), ...groups.slice(0, index)].map(sampleOf);
  return next.find((other) => other?.id !== id && other?.images.length === images.length)?.images;
}

function sampleOf(group: CollectedGroup | undefined): Sample | undefined {
  return group?.rollouts[0]?.rollout.sample;
}

function meanDifference(own: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let t = 0; t < own.length; t++) sum += (own[t] ?? 0) - (other[t] ?? 0);
  return sum / own.length;
}
