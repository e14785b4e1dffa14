/**
 * The vision tower of Qwen3-VL as a graph: patch embedding, interpolated position table, blocks with 2-D
 * rotary attention inside each image, 2×2 merger, and the DeepStack mergers.
 *
 * Dimensions as in tower-inputs.ts. Source: transformers `models/qwen3_vl`.
 */
import type { Node } from '../../tensor/node.ts';
import * as ops from '../../tensor/ops.ts';
import type { TableTower } from '../geometry.ts';
import type { NetworkWeights } from '../network-weights.ts';
import {
  attention,
  embedPatches,
  mergedBlocks,
  towerInputs,
  type VisionGraph,
} from './tower-inputs.ts';

const epsilon = 1e-6;

export function tableTower(vision: TableTower, weights: NetworkWeights): VisionGraph {
  const { patches, images } = towerInputs(vision);
  /** Rows of bilinear weights over the position table. */
  const interpolation = ops.input('interpolation', [patches.shape[0]!, vision.positions]);
  const { parameter, linear } = weights;
  const norm = (x: Node, name: string) =>
    ops.layerNorm(x, parameter(`${name}.weight`), parameter(`${name}.bias`), epsilon);
  const merge = (x: Node, name: string, normAfterShuffle: boolean) => {
    const normal = normAfterShuffle
      ? norm(mergedBlocks(x, vision), `${name}.norm`)
      : mergedBlocks(norm(x, `${name}.norm`), vision);
    return linear(ops.gelu(linear(normal, `${name}.linear_fc1`), 'none'), `${name}.linear_fc2`);
  };

  const embedding = 'model.visual.patch_embed.proj';
  let x = ops.add(
    embedPatches(patches, parameter(`${embedding}.weight`), parameter(`${embedding}.bias`)),
    ops.matmul(interpolation, parameter('model.visual.pos_embed.weight')),
  );
  const stream = [x];
  const deepstack: Node[] = [];
  for (let i = 0; i < vision.depth; i++) {
    const block = `model.visual.blocks.${i}`;
    const all = linear(norm(x, `${block}.norm1`), `${block}.attn.qkv`);
    x = ops.add(x, linear(attention(all, vision, images), `${block}.attn.proj`));
    const hidden = linear(norm(x, `${block}.norm2`), `${block}.mlp.linear_fc1`);
    stream.push(x);
    x = ops.add(x, linear(ops.gelu(hidden, 'tanh'), `${block}.mlp.linear_fc2`));
    stream.push(x);
    const tap = vision.deepstackLayers.indexOf(i);
    if (tap >= 0) deepstack.push(merge(x, `model.visual.deepstack_merger_list.${tap}`, true));
  }
  return { embeddings: merge(x, 'model.visual.merger', false), deepstack, stream };
}
