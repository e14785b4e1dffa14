/**
 * The vision tower of Qwen2.5-VL as a graph: patch embedding, blocks of RMSNorm, 2-D rotary attention within
 * windows (in some blocks within the whole image) and SwiGLU, then a merger of 2×2 patches.
 *
 * Dimensions as in tower-inputs.ts; X windows of all images, with room for L patches each.
 * Source: transformers `models/qwen2_5_vl`, arXiv 2502.13923.
 */
import { dimMultiply } from '../../tensor/dim.ts';
import type { Node } from '../../tensor/node.ts';
import * as ops from '../../tensor/ops.ts';
import type { WindowedTower } from '../geometry.ts';
import type { NetworkWeights } from '../network-weights.ts';
import {
  attention,
  embedPatches,
  mergedBlocks,
  type Sequences,
  towerInputs,
  type VisionGraph,
} from './tower-inputs.ts';
import { windowLength } from './windows.ts';

const epsilon = 1e-6;

export function windowedTower(vision: WindowedTower, weights: NetworkWeights): VisionGraph {
  const { patches, images } = towerInputs(vision);
  const inWindows = windowAttention(vision, images);
  const { parameter, linear } = weights;
  const norm = (x: Node, name: string) => ops.rmsNorm(x, parameter(`${name}.weight`), epsilon);

  let x = embedPatches(patches, parameter('model.visual.patch_embed.proj.weight'));
  const stream = [x];
  for (let i = 0; i < vision.depth; i++) {
    const block = `model.visual.blocks.${i}`;
    const all = linear(norm(x, `${block}.norm1`), `${block}.attn.qkv`);
    const attended = vision.fullAttentionBlocks.includes(i)
      ? attention(all, vision, images)
      : inWindows(all);
    x = ops.add(x, linear(attended, `${block}.attn.proj`));
    stream.push(x);
    const wide = norm(x, `${block}.norm2`);
    const gated = ops.multiply(
      ops.silu(linear(wide, `${block}.mlp.gate_proj`)),
      linear(wide, `${block}.mlp.up_proj`),
    );
    x = ops.add(x, linear(gated, `${block}.mlp.down_proj`));
    stream.push(x);
  }
  const merger = 'model.visual.merger';
  const merged = mergedBlocks(norm(x, `${merger}.ln_q`), vision);
  const embeddings = linear(ops.gelu(linear(merged, `${merger}.mlp.0`), 'none'), `${merger}.mlp.2`);
  return { embeddings, deepstack: [], stream };
}

/** Fetches the patches of each window, and puts what was mixed back to where they were. */
function windowAttention(vision: WindowedTower, images: Sequences): (all: Node) => Node {
  const length = windowLength(vision);
  const rows = ops.input('windowRows', [dimMultiply('X', length)], 'int32');
  const places = ops.input('windowPlaces', [images.cos.shape[0]!], 'int32');
  const sequences: Sequences = {
    count: 'X',
    length,
    cos: ops.gatherRows(images.cos, rows),
    sin: ops.gatherRows(images.sin, rows),
    bias: ops.input('windowBias', ['X', 1, 1, length]),
  };
  return (all) => ops.gatherRows(attention(ops.gatherRows(all, rows), vision, sequences), places);
}
