/** The tensors of a Qwen3-VL model under their public names, and how a new model draws them. */
import type { Rng } from '../core/rng.ts';
import type { ModelConfig } from './config.ts';

export type TensorSpec = { readonly name: string; readonly shape: readonly number[] };

export type ParameterSpec = TensorSpec & {
  /** Initial values: a constant, or normal with this standard deviation. */
  readonly initial: { readonly constant: number } | { readonly deviation: number };
  /** Whether it is the matrix [out, in] of a linear layer, which may be kept in fewer bits or be adapted. */
  readonly isLinear: boolean;
};

/** GPT-2's and Qwen's initial standard deviation; layers that write to the residual stream divide it. */
const deviation = 0.02;

/** All parameters in the order in which they are stored. */
export function parameterSpecs({ text, vision }: ModelConfig): ParameterSpec[] {
  const specs: ParameterSpec[] = [];
  const table = (name: string, shape: readonly number[]) =>
    specs.push({ name: `${name}.weight`, shape, initial: { deviation }, isLinear: false });
  const linear = (name: string, shape: readonly [number, number], scale = 1) =>
    specs.push({
      name: `${name}.weight`,
      shape,
      initial: { deviation: deviation * scale },
      isLinear: true,
    });
  const filled = (name: string, width: number, constant: number) =>
    specs.push({ name, shape: [width], initial: { constant }, isLinear: false });
  const ones = (name: string, width: number) => filled(`${name}.weight`, width, 1);
  const bias = (name: string, width: number) => filled(`${name}.bias`, width, 0);
  const biased = (name: string, shape: readonly [number, number], scale = 1) => {
    linear(name, shape, scale);
    bias(name, shape[0]);
  };
  const layerNorm = (name: string, width: number) => {
    ones(name, width);
    bias(name, width);
  };

  const d = text.hiddenSize;
  const toResidual = 1 / Math.sqrt(2 * text.layers);
  table('model.language_model.embed_tokens', [text.vocabSize, d]);
  for (let i = 0; i < text.layers; i++) {
    const layer = `model.language_model.layers.${i}`;
    ones(`${layer}.input_layernorm`, d);
    linear(`${layer}.self_attn.q_proj`, [text.heads * text.headDim, d]);
    linear(`${layer}.self_attn.k_proj`, [text.kvHeads * text.headDim, d]);
    linear(`${layer}.self_attn.v_proj`, [text.kvHeads * text.headDim, d]);
    linear(`${layer}.self_attn.o_proj`, [d, text.heads * text.headDim], toResidual);
    ones(`${layer}.self_attn.q_norm`, text.headDim);
    ones(`${layer}.self_attn.k_norm`, text.headDim);
    ones(`${layer}.post_attention_layernorm`, d);
    linear(`${layer}.mlp.gate_proj`, [text.intermediateSize, d]);
    linear(`${layer}.mlp.up_proj`, [text.intermediateSize, d]);
    linear(`${layer}.mlp.down_proj`, [d, text.intermediateSize], toResidual);
  }
  ones('model.language_model.norm', d);
  if (!text.tieWordEmbeddings) linear('lm_head', [text.vocabSize, d]);

  const v = vision.hiddenSize;
  const merged = v * vision.spatialMergeSize ** 2;
  const { inChannels, temporalPatchSize, patchSize } = vision;
  table('model.visual.patch_embed.proj', [v, inChannels, temporalPatchSize, patchSize, patchSize]);
  bias('model.visual.patch_embed.proj', v);
  table('model.visual.pos_embed', [vision.positions, v]);
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
