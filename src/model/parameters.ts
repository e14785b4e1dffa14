/** The trainable tensors of a Qwen3-VL model under their public names, and how a new model draws them. */
import type { Rng } from '../core/rng.ts';
import type { Node } from '../tensor/node.ts';
import { input } from '../tensor/ops.ts';
import type { ModelConfig } from './config.ts';

export type ParameterSpec = {
  readonly name: string;
  readonly shape: readonly number[];
  /** Initial values: a constant, or normal with this standard deviation. */
  readonly initial: { readonly constant: number } | { readonly deviation: number };
};

/** GPT-2's and Qwen's initial standard deviation; layers that write to the residual stream divide it. */
const deviation = 0.02;

/** All parameters in the order in which they are stored. */
export function parameterSpecs({ text, vision }: ModelConfig): ParameterSpec[] {
  const specs: ParameterSpec[] = [];
  const weight = (name: string, shape: readonly number[], scale = 1) =>
    specs.push({ name: `${name}.weight`, shape, initial: { deviation: deviation * scale } });
  const ones = (name: string, width: number) =>
    specs.push({ name: `${name}.weight`, shape: [width], initial: { constant: 1 } });
  const bias = (name: string, width: number) =>
    specs.push({ name: `${name}.bias`, shape: [width], initial: { constant: 0 } });
  const biased = (name: string, shape: readonly [number, number], scale = 1) => {
    weight(name, shape, scale);
    bias(name, shape[0]);
  };
  const layerNorm = (name: string, width: number) => {
    ones(name, width);
    bias(name, width);
  };

  const d = text.hiddenSize;
  const toResidual = 1 / Math.sqrt(2 * text.layers);
  weight('model.language_model.embed_tokens', [text.vocabSize, d]);
  for (let i = 0; i < text.layers; i++) {
    const layer = `model.language_model.layers.${i}`;
    ones(`${layer}.input_layernorm`, d);
    weight(`${layer}.self_attn.q_proj`, [text.heads * text.headDim, d]);
    weight(`${layer}.self_attn.k_proj`, [text.kvHeads * text.headDim, d]);
    weight(`${layer}.self_attn.v_proj`, [text.kvHeads * text.headDim, d]);
    weight(`${layer}.self_attn.o_proj`, [d, text.heads * text.headDim], toResidual);
    ones(`${layer}.self_attn.q_norm`, text.headDim);
    ones(`${layer}.self_attn.k_norm`, text.headDim);
    ones(`${layer}.post_attention_layernorm`, d);
    weight(`${layer}.mlp.gate_proj`, [text.intermediateSize, d]);
    weight(`${layer}.mlp.up_proj`, [text.intermediateSize, d]);
    weight(`${layer}.mlp.down_proj`, [d, text.intermediateSize], toResidual);
  }
  ones('model.language_model.norm', d);
  if (!text.tieWordEmbeddings) weight('lm_head', [text.vocabSize, d]);

  const v = vision.hiddenSize;
  const merged = v * vision.spatialMergeSize ** 2;
  const { inChannels, temporalPatchSize, patchSize } = vision;
  weight('model.visual.patch_embed.proj', [v, inChannels, temporalPatchSize, patchSize, patchSize]);
  bias('model.visual.patch_embed.proj', v);
  weight('model.visual.pos_embed', [vision.positions, v]);
  const toVisionResidual = 1 / Math.sqrt(2 * vision.depth);
  for (let i = 0; i < vision.depth; i++) {
    const block = `model.visual.blocks.${i}`;
    layerNorm(`${block}.norm1`, v);
    biased(`${block}.attn.qkv`, [3 * v, v]);
    biased(`${block}.attn.proj`, [v, v], toVisionResidual);
    layerNorm(`${block}.norm2`, v);
    biased(`${block}.mlp.linear_fc1`, [vision.intermediateSize, v]);
    biased(`${block}.mlp.linear_fc2`, [v, vision.intermediateSize], toVisionResidual);
  }
  const merger = (name: string, normWidth: number) => {
    layerNorm(`${name}.norm`, normWidth);
    biased(`${name}.linear_fc1`, [merged, merged]);
    biased(`${name}.linear_fc2`, [vision.outHiddenSize, merged]);
  };
  merger('model.visual.merger', v);
  vision.deepstackLayers.forEach((_, i) => {
    merger(`model.visual.deepstack_merger_list.${i}`, merged);
  });
  return specs;
}

/** Fresh values for one parameter. */
export function initialValues(spec: ParameterSpec, rng: Rng): Float32Array {
  const size = spec.shape.reduce((product, dim) => product * dim, 1);
  const { initial } = spec;
  if ('constant' in initial) return new Float32Array(size).fill(initial.constant);
  return Float32Array.from({ length: size }, () => initial.deviation * rng.normal());
}

/** The graph's input node of a parameter; the same node for the same name. */
export type ParameterLookup = (name: string) => Node;

export function parameterNodes(config: ModelConfig): ReadonlyMap<string, Node> {
  return new Map(parameterSpecs(config).map(({ name, shape }) => [name, input(name, shape)]));
}
