/**
 * The Qwen3-VL text decoder as a graph over N tokens: token and image embeddings, then layers of
 * attention with q/k RMSNorm and M-RoPE and SwiGLU, DeepStack features added after the first layers.
 * How the N tokens attend to each other is the caller's `attend`.
 *
 * Source: transformers `models/qwen3_vl`.
 */
import type { Dim } from '../../tensor/dim.ts';
import type { Node } from '../../tensor/node.ts';
import * as ops from '../../tensor/ops.ts';
import type { TextConfig } from '../config.ts';
import type { ParameterLookup } from '../parameters.ts';
import { rotary, type VisionGraph } from '../vision/vision-graph.ts';
import type { Attend } from './attention.ts';

export type DecoderGraph = {
  /** [N, D] after the last norm. */
  readonly hidden: Node;
  /** The residual stream between blocks. */
  readonly stream: readonly Node[];
};

export function decoderGraph(
  text: TextConfig,
  tokens: Dim,
  parameters: ParameterLookup,
  attend: Attend,
  images: VisionGraph | undefined,
): DecoderGraph {
  const cos = ops.input('cos', [tokens, 1, text.headDim]);
  const sin = ops.input('sin', [tokens, 1, text.headDim]);
  const norm = (x: Node, name: string) =>
    ops.rmsNorm(x, parameters(`${name}.weight`), text.rmsNormEps);
  const project = (x: Node, name: string) => ops.linear(x, parameters(`${name}.weight`));
  const heads = (x: Node, count: number) => ops.reshape(x, [tokens, count, text.headDim]);

  const embedding = parameters('model.language_model.embed_tokens.weight');
  const words = ops.gatherRows(embedding, ops.input('tokens', [tokens], 'int32'));
  const atPlaceholders = placeholderRows(text, tokens);
  let x =
    images === undefined
      ? words
      : ops.add(
          ops.multiply(words, ops.input('isText', [tokens, 1])),
          atPlaceholders(images.embeddings),
        );
  const stream = [x];
  for (let i = 0; i < text.layers; i++) {
    const layer = `model.language_model.layers.${i}`;
    const normal = norm(x, `${layer}.input_layernorm`);
    const attention = `${layer}.self_attn`;
    const query = norm(
      heads(project(normal, `${attention}.q_proj`), text.heads),
      `${attention}.q_norm`,
    );
    const key = norm(
      heads(project(normal, `${attention}.k_proj`), text.kvHeads),
      `${attention}.k_norm`,
    );
    const value = heads(project(normal, `${attention}.v_proj`), text.kvHeads);
    const scaled = ops.scale(rotary(query, cos, sin), 1 / Math.sqrt(text.headDim));
    const mixed = attend(i, scaled, rotary(key, cos, sin), value);
    x = ops.add(x, project(mixed, `${attention}.o_proj`));
    stream.push(x);
    const wide = norm(x, `${layer}.post_attention_layernorm`);
    const gated = ops.multiply(
      ops.silu(project(wide, `${layer}.mlp.gate_proj`)),
      project(wide, `${layer}.mlp.up_proj`),
    );
    x = ops.add(x, project(gated, `${layer}.mlp.down_proj`));
    const features = images?.deepstack[i];
    if (features !== undefined) x = ops.add(x, atPlaceholders(features));
    stream.push(x);
  }
  return { hidden: norm(x, 'model.language_model.norm'), stream };
}

/** Scores over the vocabulary [M, V] of hidden states [M, D]. */
export function vocabularyLogits(
  hidden: Node,
  text: TextConfig,
  parameters: ParameterLookup,
): Node {
  const name = text.tieWordEmbeddings ? 'model.language_model.embed_tokens' : 'lm_head';
  return ops.linear(hidden, parameters(`${name}.weight`));
}

/** Image features [I·U, D] laid out over the tokens; zero rows at text. `imageRow` is 1 + the feature's row. */
function placeholderRows(text: TextConfig, tokens: Dim): (features: Node) => Node {
  const rows = ops.input('imageRow', [tokens], 'int32');
  const blank = ops.expand(ops.constant(0), [1, text.hiddenSize]);
  return (features) => ops.gatherRows(ops.concat([blank, features], 0), rows);
}
