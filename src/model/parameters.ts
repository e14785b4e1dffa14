/** The tensors of a model under their public names, and how a new model draws them. */
import type { Rng } from '../core/rng.ts';
import type {
  ModelConfig,
  TableTower,
  TextConfig,
  VisionConfig,
  WindowedTower,
} from './geometry.ts';
import { finalNormName, layerName, tableName } from './parameter-names.ts';

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
  return [...decoderSpecs(text), ...(vision === undefined ? [] : visionSpecs(vision))];
}

function table(name: string, shape: readonly number[]): ParameterSpec {
  return { name: `${name}.weight`, shape, initial: { deviation }, isLinear: false };
}

function linear(name: string, shape: readonly [number, number], scale = 1): ParameterSpec {
  return {
    name: `${name}.weight`,
    shape,
    initial: { deviation: deviation * scale },
    isLinear: true,
  };
}

function filled(name: string, width: number, constant: number): ParameterSpec {
  return { name, shape: [width], initial: { constant }, isLinear: false };
}

function ones(name: string, width: number): ParameterSpec {
  return filled(`${name}.weight`, width, 1);
}

function bias(name: string, width: number): ParameterSpec {
  return filled(`${name}.bias`, width, 0);
}

function biased(name: string, shape: readonly [number, number], scale = 1): ParameterSpec[] {
  return [linear(name, shape, scale), bias(name, shape[0])];
}

function layerNorm(name: string, width: number): ParameterSpec[] {
  return [ones(name, width), bias(name, width)];
}

function decoderSpecs(text: TextConfig): ParameterSpec[] {
  const d = text.hiddenSize;
  const [queries, keys] = [text.heads * text.headDim, text.kvHeads * text.headDim];
  const toResidual = 1 / Math.sqrt(2 * text.layers);
  const projected = (name: string, shape: readonly [number, number]) =>
    text.attentionBias ? biased(name, shape) : [linear(name, shape)];
  const layers = Array.from({ length: text.layers }, (_, i) => {
    const layer = layerName(text, i);
    const attention = `${layer}.self_attn`;
    return [
      ones(`${layer}.input_layernorm`, d),
      ...projected(`${attention}.q_proj`, [queries, d]),
      ...projected(`${attention}.k_proj`, [keys, d]),
      ...projected(`${attention}.v_proj`, [keys, d]),
      linear(`${attention}.o_proj`, [d, queries], toResidual),
      ...(text.queryKeyNorm
        ? [ones(`${attention}.q_norm`, text.headDim), ones(`${attention}.k_norm`, text.headDim)]
        : []),
      ones(`${layer}.post_attention_layernorm`, d),
      linear(`${layer}.mlp.gate_proj`, [text.intermediateSize, d]),
      linear(`${layer}.mlp.up_proj`, [text.intermediateSize, d]),
      linear(`${layer}.mlp.down_proj`, [d, text.intermediateSize], toResidual),
    ];
  });
  return [
    table(tableName(text), [text.vocabSize, d]),
    ...layers.flat(),
    ones(finalNormName(text), d),
    ...(text.tieWordEmbeddings ? [] : [linear('lm_head', [text.vocabSize, d])]),
  ];
}

function visionSpecs(vision: VisionConfig): ParameterSpec[] {
  const { hiddenSize, inChannels, temporalPatchSize, patchSize } = vision;
  const side = [patchSize, patchSize];
  return [
    table('model.visual.patch_embed.proj', [hiddenSize, inChannels, temporalPatchSize, ...side]),
    ...(vision.tower === 'table' ? tableTowerSpecs(vision) : windowedTowerSpecs(vision)),
  ];
}

/** Width of what a merger takes: merged patches side by side. */
function mergedWidth({ hiddenSize, spatialMergeSize }: VisionConfig): number {
  return hiddenSize * spatialMergeSize ** 2;
}

/** Of layers of a tower that write to its residual stream. */
function toVisionResidual({ depth }: VisionConfig): number {
  return 1 / Math.sqrt(2 * depth);
}

function tableTowerSpecs(vision: TableTower): ParameterSpec[] {
  const v = vision.hiddenSize;
  const merged = mergedWidth(vision);
  const toResidual = toVisionResidual(vision);
  const blocks = Array.from({ length: vision.depth }, (_, i) => {
    const block = `model.visual.blocks.${i}`;
    return [
      ...layerNorm(`${block}.norm1`, v),
      ...biased(`${block}.attn.qkv`, [3 * v, v]),
      ...biased(`${block}.attn.proj`, [v, v], toResidual),
      ...layerNorm(`${block}.norm2`, v),
      ...biased(`${block}.mlp.linear_fc1`, [vision.intermediateSize, v]),
      ...biased(`${block}.mlp.linear_fc2`, [v, vision.intermediateSize], toResidual),
    ];
  });
  const merger = (name: string, normWidth: number) => [
    ...layerNorm(`${name}.norm`, normWidth),
    ...biased(`${name}.linear_fc1`, [merged, merged]),
    ...biased(`${name}.linear_fc2`, [vision.outHiddenSize, merged]),
  ];
  return [
    bias('model.visual.patch_embed.proj', v),
    table('model.visual.pos_embed', [vision.positions, v]),
    ...blocks.flat(),
    ...merger('model.visual.merger', v),
    ...vision.deepstackLayers.flatMap((_, i) =>
      merger(`model.visual.deepstack_merger_list.${i}`, merged),
    ),
  ];
}

function windowedTowerSpecs(vision: WindowedTower): ParameterSpec[] {
  const v = vision.hiddenSize;
  const merged = mergedWidth(vision);
  const toResidual = toVisionResidual(vision);
  const blocks = Array.from({ length: vision.depth }, (_, i) => {
    const block = `model.visual.blocks.${i}`;
    return [
      ones(`${block}.norm1`, v),
      ...biased(`${block}.attn.qkv`, [3 * v, v]),
      ...biased(`${block}.attn.proj`, [v, v], toResidual),
      ones(`${block}.norm2`, v),
      ...biased(`${block}.mlp.gate_proj`, [vision.intermediateSize, v]),
      ...biased(`${block}.mlp.up_proj`, [vision.intermediateSize, v]),
      ...biased(`${block}.mlp.down_proj`, [v, vision.intermediateSize], toResidual),
    ];
  });
  const merger = 'model.visual.merger';
  return [
    ...blocks.flat(),
    ones(`${merger}.ln_q`, v),
    ...biased(`${merger}.mlp.0`, [merged, merged]),
    ...biased(`${merger}.mlp.2`, [vision.outHiddenSize, merged]),
  ];
}

/** Fresh values for one parameter. */
export function initialValues(spec: ParameterSpec, rng: Rng): Float32Array {
  const size = spec.shape.reduce((product, dim) => product * dim, 1);
  const { initial } = spec;
  if ('constant' in initial) return new Float32Array(size).fill(initial.constant);
  return Float32Array.from({ length: size }, () => initial.deviation * rng.normal());
}
