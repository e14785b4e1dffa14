/**
 * The Qwen3-VL vision tower as a graph: patch embedding, interpolated position table, blocks with 2-D
 * rotary attention inside each image, 2×2 merger, and the DeepStack mergers.
 *
 * Dimensions: I images, U merged image tokens per image (padded to the largest), N = I·U·merge² patches.
 * Source: transformers `models/qwen3_vl`. Images only: one frame each.
 */
import { type Dim, dimMultiply } from '../../tensor/dim.ts';
import type { Node } from '../../tensor/node.ts';
import * as ops from '../../tensor/ops.ts';
import type { VisionConfig } from '../config.ts';
import type { NetworkWeights } from '../network-weights.ts';

export type VisionGraph = {
  /** [I·U, text width] */
  readonly embeddings: Node;
  /** One [I·U, text width] per DeepStack layer, for decoder layers 0, 1, … */
  readonly deepstack: readonly Node[];
  /** The residual stream after each block. */
  readonly stream: readonly Node[];
};

const epsilon = 1e-6;

/** Names and shapes of the tower's data inputs, given by {@link visionInputs}. */
function visionInputs(vision: VisionConfig) {
  const patchSize = vision.inChannels * vision.temporalPatchSize * vision.patchSize ** 2;
  const patchesPerImage = dimMultiply(vision.spatialMergeSize ** 2, 'U');
  const patches = dimMultiply('I', patchesPerImage);
  const headDim = vision.hiddenSize / vision.heads;
  return {
    patchesPerImage,
    patches: ops.input('patches', [patches, patchSize]),
    /** Rows of bilinear weights over the position table. */
    interpolation: ops.input('interpolation', [patches, vision.positions]),
    cos: ops.input('visionCos', [patches, 1, headDim]),
    sin: ops.input('visionSin', [patches, 1, headDim]),
    /** 0 for the image's own patches, very negative for padding. */
    bias: ops.input('visionBias', ['I', 1, 1, patchesPerImage]),
  };
}

export function visionGraph(vision: VisionConfig, weights: NetworkWeights): VisionGraph {
  const inputs = visionInputs(vision);
  const width = vision.hiddenSize;
  const { parameter, linear } = weights;
  const norm = (x: Node, name: string) =>
    ops.layerNorm(x, parameter(`${name}.weight`), parameter(`${name}.bias`), epsilon);
  const merge = (x: Node, name: string, normAfterShuffle: boolean) => {
    const shuffled = (y: Node) => ops.reshape(y, [dimMultiply('I', 'U'), mergedWidth]);
    const normal = normAfterShuffle
      ? norm(shuffled(x), `${name}.norm`)
      : shuffled(norm(x, `${name}.norm`));
    return linear(ops.gelu(linear(normal, `${name}.linear_fc1`), 'none'), `${name}.linear_fc2`);
  };
  const mergedWidth = width * vision.spatialMergeSize ** 2;

  const kernel = parameter('model.visual.patch_embed.proj.weight');
  const embedded = ops.linear(
    inputs.patches,
    ops.reshape(kernel, [width, inputs.patches.shape[1]!]),
    parameter('model.visual.patch_embed.proj.bias'),
  );
  let x = ops.add(
    embedded,
    ops.matmul(inputs.interpolation, parameter('model.visual.pos_embed.weight')),
  );
  const stream = [x];
  const deepstack: Node[] = [];
  for (let i = 0; i < vision.depth; i++) {
    const block = `model.visual.blocks.${i}`;
    const attended = attention(norm(x, `${block}.norm1`), block, vision, weights, inputs);
    x = ops.add(x, linear(attended, `${block}.attn.proj`));
    const hidden = linear(norm(x, `${block}.norm2`), `${block}.mlp.linear_fc1`);
    stream.push(x);
    x = ops.add(x, linear(ops.gelu(hidden, 'tanh'), `${block}.mlp.linear_fc2`));
    stream.push(x);
    const tap = vision.deepstackLayers.indexOf(i);
    if (tap >= 0) deepstack.push(merge(x, `model.visual.deepstack_merger_list.${tap}`, true));
  }
  return { embeddings: merge(x, 'model.visual.merger', false), deepstack, stream };
}

/** Full attention among the patches of each image. x [N, width] → [N, width]. */
function attention(
  x: Node,
  block: string,
  vision: VisionConfig,
  weights: NetworkWeights,
  inputs: ReturnType<typeof visionInputs>,
): Node {
  const { hiddenSize: width, heads } = vision;
  const headDim = width / heads;
  const all = weights.linear(x, `${block}.attn.qkv`);
  const part = (index: number) =>
    ops.reshape(ops.slice(all, 1, index * width, width), [x.shape[0]!, heads, headDim]);
  const perImage: readonly Dim[] = ['I', inputs.patchesPerImage, heads, headDim];
  const byHead = (y: Node) => ops.transpose(ops.reshape(y, perImage), [0, 2, 1, 3]);
  const rotate = (y: Node, factor = 1) => rotary(y, inputs.cos, inputs.sin, factor);
  const query = byHead(rotate(part(0), 1 / Math.sqrt(headDim)));
  const scores = ops.matmul(query, byHead(rotate(part(1))), { transposeB: true });
  const shares = ops.softmax(ops.add(scores, inputs.bias));
  const mixed = ops.transpose(ops.matmul(shares, byHead(part(2))), [0, 2, 1, 3]);
  return ops.reshape(mixed, [x.shape[0]!, width]);
}

/**
 * Rotary position embedding (arXiv 2104.09864) of x [N, H, headDim] by cos and sin [N, 1, headDim], the second half
 * of whose rows repeats the first. The tables carry the factor: they are smaller than x.
 */
export function rotary(x: Node, cos: Node, sin: Node, factor = 1): Node {
  const half = (x.shape[2] as number) / 2;
  const table = (whole: Node) => {
    const one = ops.reshape(ops.slice(whole, 2, 0, half), [x.shape[0]!, half]);
    return factor === 1 ? one : ops.scale(one, factor);
  };
  return ops.rotate(x, table(cos), table(sin));
}
