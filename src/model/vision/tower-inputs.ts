/**
 * What the vision towers of all families take and give.
 *
 * Dimensions: I images, U merged image tokens per image (padded to the largest), N = I·U·merge² patches.
 * Images only: one frame each.
 */
import { type Dim, dimMultiply } from '../../tensor/dim.ts';
import type { Node } from '../../tensor/node.ts';
import * as ops from '../../tensor/ops.ts';
import type { VisionConfig } from '../geometry.ts';

export type VisionGraph = {
  /** [I·U, text width] */
  readonly embeddings: Node;
  /** One [I·U, text width] per DeepStack layer, for decoder layers 0, 1, … */
  readonly deepstack: readonly Node[];
  /** The residual stream after each block. */
  readonly stream: readonly Node[];
};

/** How patches attend to each other: all of one sequence of `length`, in each of `count` sequences. */
export type Sequences = {
  readonly count: Dim;
  readonly length: Dim;
  /** Rotary tables [count·length, 1, headDim]. */
  readonly cos: Node;
  readonly sin: Node;
  /** [count, 1, 1, length]: 0 for patches, very negative for padding. */
  readonly bias: Node;
};

/** Inputs that every tower has: pixels [N, channels·frames·height·width of a patch], and images as sequences. */
export function towerInputs(vision: VisionConfig): {
  readonly patches: Node;
  readonly images: Sequences;
} {
  const patchSize = vision.inChannels * vision.temporalPatchSize * vision.patchSize ** 2;
  const length = dimMultiply(vision.spatialMergeSize ** 2, 'U');
  const patches = dimMultiply('I', length);
  const headDim = vision.hiddenSize / vision.heads;
  return {
    patches: ops.input('patches', [patches, patchSize]),
    images: {
      count: 'I',
      length,
      cos: ops.input('visionCos', [patches, 1, headDim]),
      sin: ops.input('visionSin', [patches, 1, headDim]),
      bias: ops.input('visionBias', ['I', 1, 1, length]),
    },
  };
}

/** Patches [N, …] through the patch embedding, with its bias where it has one: [N, width]. */
export function embedPatches(patches: Node, kernel: Node, bias?: Node): Node {
  return ops.linear(patches, ops.reshape(kernel, [kernel.shape[0]!, patches.shape[1]!]), bias);
}

/** Rows of a merged block side by side: [N, width] → [I·U, width·merge²]. */
export function mergedBlocks(x: Node, vision: VisionConfig): Node {
  const width = vision.hiddenSize * vision.spatialMergeSize ** 2;
  return ops.reshape(x, [dimMultiply('I', 'U'), width]);
}

/**
 * Attention within sequences, of what the projection `qkv` gave.
 *
 * @param all queries, keys and values [count·length, 3·width]
 * @returns [count·length, width]
 */
export function attention(all: Node, vision: VisionConfig, sequences: Sequences): Node {
  const { hiddenSize: width, heads } = vision;
  const { count, length, cos, sin, bias } = sequences;
  const rows = all.shape[0]!;
  const headDim = width / heads;
  const part = (index: number) =>
    ops.reshape(ops.slice(all, 1, index * width, width), [rows, heads, headDim]);
  const byHead = (y: Node) =>
    ops.transpose(ops.reshape(y, [count, length, heads, headDim]), [0, 2, 1, 3]);
  const rotate = (y: Node, factor = 1) => rotary(y, cos, sin, factor);
  const query = byHead(rotate(part(0), 1 / Math.sqrt(headDim)));
  const scores = ops.matmul(query, byHead(rotate(part(1))), { transposeB: true });
  const shares = ops.softmax(ops.add(scores, bias));
  const mixed = ops.transpose(ops.matmul(shares, byHead(part(2))), [0, 2, 1, 3]);
  return ops.reshape(mixed, [rows, width]);
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
