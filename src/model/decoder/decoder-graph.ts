/**
 * The decoder of every family as a graph over N tokens: token and image embeddings, then layers of
 * attention with rotary positions and SwiGLU; of Qwen3, an RMSNorm of queries and keys, of Qwen2, biases before
 * them, of Qwen3-VL, DeepStack features added after the first layers. How the N tokens attend to each other is
 * the caller's `attend`.
 *
 * Source: transformers `models/qwen3_vl`, `models/qwen2_5_vl`, `models/qwen3`, `models/qwen2`, `models/llama`.
 */
import type { Dim } from '../../tensor/dim.ts';
import type { Node } from '../../tensor/node.ts';
import * as ops from '../../tensor/ops.ts';
import type { TextConfig } from '../config.ts';
import type { NetworkWeights } from '../network-weights.ts';
import { finalNormName, headName, layerName, tableName } from '../parameter-names.ts';
import { rotary, type VisionGraph } from '../vision/tower-inputs.ts';
import type { Attend } from './attention.ts';

export type DecoderGraph = {
  /** [N, D] after the last norm. */
  readonly hidden: Node;
  /** The residual stream between blocks. */
  readonly stream: readonly Node[];
};

/** @param place lays image features [I·U, D] out over the tokens. @default {@link placeholderRows} */
export function decoderGraph(
  text: TextConfig,
  tokens: Dim,
  weights: NetworkWeights,
  attend: Attend,
  images: VisionGraph | undefined,
  place = (features: Node) => placeholderRows(text, tokens)(features),
): DecoderGraph {
  const rotation = rotationInputs(text, tokens);
  const embedding = weights.parameter(`${tableName(text)}.weight`);
  const words = ops.gatherRows(embedding, ops.input('tokens', [tokens], 'int32'));
  let x =
    images === undefined
      ? words
      : ops.add(ops.multiply(words, ops.input('isText', [tokens, 1])), place(images.embeddings));
  const stream = [x];
  for (let i = 0; i < text.layers; i++) {
    const { query, key, value } = attentionInputs(x, i, text, weights, rotation);
    const { attended, result } = afterAttention(x, attend(i, query, key, value), i, text, weights);
    stream.push(attended);
    x = result;
    const features = images?.deepstack[i];
    if (features !== undefined) x = ops.add(x, place(features));
    stream.push(x);
  }
  return { hidden: finalNorm(x, text, weights), stream };
}

/** Rotary tables of N tokens. */
export type Rotation = { readonly cos: Node; readonly sin: Node };

export function rotationInputs(text: TextConfig, tokens: Dim): Rotation {
  return {
    cos: ops.input('cos', [tokens, 1, text.headDim]),
    sin: ops.input('sin', [tokens, 1, text.headDim]),
  };
}

/** What a layer's attention works on, of the residual stream x [N, D]; queries are scaled. */
export function attentionInputs(
  x: Node,
  layer: number,
  text: TextConfig,
  weights: NetworkWeights,
  { cos, sin }: Rotation,
): { readonly query: Node; readonly key: Node; readonly value: Node } {
  const name = layerName(text, layer);
  const norm = rowNorm(text, weights);
  const normal = norm(x, `${name}.input_layernorm`);
  const project = (part: 'q' | 'k' | 'v', count: number) =>
    ops.reshape(weights.linear(normal, `${name}.self_attn.${part}_proj`), [
      x.shape[0]!,
      count,
      text.headDim,
    ]);
  const perHead = (y: Node, part: string) =>
    text.queryKeyNorm ? norm(y, `${name}.self_attn.${part}`) : y;
  const query = perHead(project('q', text.heads), 'q_norm');
  const key = perHead(project('k', text.kvHeads), 'k_norm');
  const value = project('v', text.kvHeads);
  const scaled = rotary(query, cos, sin, 1 / Math.sqrt(text.headDim));
  return { query: scaled, key: rotary(key, cos, sin), value };
}

/** The rest of a layer, of what its attention has mixed [N, H·d]: the residual stream midway and at its end. */
export function afterAttention(
  x: Node,
  mixed: Node,
  layer: number,
  text: TextConfig,
  weights: NetworkWeights,
): { readonly attended: Node; readonly result: Node } {
  const name = layerName(text, layer);
  const attended = ops.add(x, weights.linear(mixed, `${name}.self_attn.o_proj`));
  const wide = rowNorm(text, weights)(attended, `${name}.post_attention_layernorm`);
  const gated = ops.multiply(
    ops.silu(weights.linear(wide, `${name}.mlp.gate_proj`)),
    weights.linear(wide, `${name}.mlp.up_proj`),
  );
  return { attended, result: ops.add(attended, weights.linear(gated, `${name}.mlp.down_proj`)) };
}

export function finalNorm(x: Node, text: TextConfig, weights: NetworkWeights): Node {
  return rowNorm(text, weights)(x, finalNormName(text));
}

function rowNorm(text: TextConfig, weights: NetworkWeights): (x: Node, name: string) => Node {
  return (x, name) => ops.rmsNorm(x, weights.parameter(`${name}.weight`), text.rmsNormEps);
}

/** Scores over the vocabulary [M, V] of hidden states [M, D]. */
export function vocabularyLogits(hidden: Node, text: TextConfig, weights: NetworkWeights): Node {
  return weights.linear(hidden, headName(text));
}

/** Image features [I·U, D] laid out over the tokens; zero rows at text. `imageRow` is 1 + the feature's row. */
export function placeholderRows(text: TextConfig, tokens: Dim): (features: Node) => Node {
  const rows = ops.input('imageRow', [tokens], 'int32');
  const blank = ops.expand(ops.constant(0), [1, text.hiddenSize]);
  return (features) => ops.gatherRows(ops.concat([blank, features], 0), rows);
}
