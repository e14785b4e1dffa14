/**
 * Causal grouped-query attention in the three layouts the decoder runs in. All share one idea: a group's
 * completions attend to one copy of their prompt's keys and values, so nothing of a prompt is repeated.
 *
 * Dimensions: P prompts of S tokens, G completions a prompt of C tokens (padded to the longest), R rows a
 * prompt while decoding, with T cached tokens each. K key/value heads, each serving `repeat` query heads.
 * Queries come scaled. Padding lies to the right, where causality hides it from real tokens.
 */
import { type Dim, dimMultiply } from '../../tensor/dim.ts';
import type { Node } from '../../tensor/node.ts';
import * as ops from '../../tensor/ops.ts';
import type { TextConfig } from '../config.ts';

/** Added to scores that must not count; finite, so that a fully masked row stays a row of numbers. */
export const masked = -1e9;

/** Queries [N, H, d], keys and values [N, K, d] of N tokens → mixed values [N, H·d]. */
export type Attend = (layer: number, query: Node, key: Node, value: Node) => Node;

/** Keys or values [count·length, K, d] of `count` sequences → [count, K, length, d]. */
function cacheLayout(x: Node, count: Dim, length: Dim, text: TextConfig): Node {
  const split = ops.reshape(x, [count, length, text.kvHeads, text.headDim]);
  return ops.transpose(split, [0, 2, 1, 3]);
}

/** Prompts alone: N = P·S. `publish` receives keys and values [P, K, S, d] of each layer. */
export function promptAttention(
  text: TextConfig,
  publish: (layer: number, key: Node, value: Node) => void = () => {},
): Attend {
  const { kvHeads, headDim } = text;
  const repeat = text.heads / kvHeads;
  const causal = ops.input('promptBias', ['S', 'S']);
  return (layer, query, key, value) => {
    const keys = cacheLayout(key, 'P', 'S', text);
    const values = cacheLayout(value, 'P', 'S', text);
    publish(layer, keys, values);
    const split = ops.reshape(query, ['P', 'S', kvHeads, repeat, headDim]);
    const rows = dimMultiply(repeat, 'S');
    const queries = ops.reshape(ops.transpose(split, [0, 2, 3, 1, 4]), [
      'P',
      kvHeads,
      rows,
      headDim,
    ]);
    const scores = ops.reshape(ops.matmul(queries, keys, { transposeB: true }), [
      'P',
      kvHeads,
      repeat,
      'S',
      'S',
    ]);
    const weights = ops.softmax(ops.add(scores, causal));
    const mixed = ops.matmul(ops.reshape(weights, ['P', kvHeads, rows, 'S']), values);
    const back = ops.transpose(
      ops.reshape(mixed, ['P', kvHeads, repeat, 'S', headDim]),
      [0, 3, 1, 2, 4],
    );
    return ops.reshape(back, [dimMultiply('P', 'S'), text.heads * headDim]);
  };
}

/** Prompts followed by their completions: N = P·S + P·G·C. */
export function groupAttention(text: TextConfig): Attend {
  const { kvHeads, headDim } = text;
  const repeat = text.heads / kvHeads;
  const promptTokens = dimMultiply('P', 'S');
  const completionTokens = dimMultiply('P', 'G', 'C');
  const padding = ops.input('prefixBias', ['P', 1, 1, 'S']);
  const causal = ops.input('completionBias', ['C', 'C']);
  const rows = dimMultiply('G', repeat, 'C');
  return (layer, query, key, value) => {
    const prompt = (x: Node) => ops.slice(x, 0, 0, promptTokens);
    const completion = (x: Node) => ops.slice(x, 0, promptTokens, completionTokens);
    let promptKeys: Node | undefined;
    let promptValues: Node | undefined;
    const mixedPrompt = promptAttention(text, (_, keys, values) => {
      promptKeys = keys;
      promptValues = values;
    })(layer, prompt(query), prompt(key), prompt(value));

    const split = ops.reshape(completion(query), ['P', 'G', 'C', kvHeads, repeat, headDim]);
    // [P, K, G, repeat, C, d]: as [P, K, G·repeat·C, d] it meets the prompt, as [P, K, G, repeat·C, d] its own.
    const queries = ops.transpose(split, [0, 3, 1, 4, 2, 5]);
    const toPrompt = ops.reshape(queries, ['P', kvHeads, rows, headDim]);
    const toOwn = ops.reshape(queries, ['P', kvHeads, 'G', dimMultiply(repeat, 'C'), headDim]);
    const own = (x: Node) =>
      ops.transpose(ops.reshape(x, ['P', 'G', 'C', kvHeads, headDim]), [0, 3, 1, 2, 4]);

    const promptScores = ops.matmul(toPrompt, promptKeys!, { transposeB: true });
    const ownScores = ops.reshape(ops.matmul(toOwn, own(completion(key)), { transposeB: true }), [
      'P',
      kvHeads,
      dimMultiply('G', repeat),
      'C',
      'C',
    ]);
    const scores = ops.concat(
      [
        ops.add(promptScores, padding),
        ops.reshape(ops.add(ownScores, causal), ['P', kvHeads, rows, 'C']),
      ],
      3,
    );
    const weights = ops.softmax(scores);
    const fromPrompt = ops.matmul(ops.slice(weights, 3, 0, 'S'), promptValues!);
    const ownWeights = ops.reshape(ops.slice(weights, 3, 'S', 'C'), [
      'P',
      kvHeads,
      'G',
      dimMultiply(repeat, 'C'),
      'C',
    ]);
    const fromOwn = ops.matmul(ownWeights, own(completion(value)));
    const mixed = ops.add(
      ops.reshape(fromPrompt, ['P', kvHeads, 'G', repeat, 'C', headDim]),
      ops.reshape(fromOwn, ['P', kvHeads, 'G', repeat, 'C', headDim]),
    );
    const mixedCompletion = ops.reshape(ops.transpose(mixed, [0, 2, 4, 1, 3, 5]), [
      completionTokens,
      text.heads * headDim,
    ]);
    return ops.concat([mixedPrompt, mixedCompletion], 0);
  };
}

/**
 * One new token for each of R rows a prompt: N = P·R. Attends to the prompt, to T cached tokens of the
 * row and to the token itself; `publish` receives the token's own key and value [P·R, K, d].
 */
export function stepAttention(
  text: TextConfig,
  publish: (layer: number, key: Node, value: Node) => void,
): Attend {
  const { kvHeads, headDim } = text;
  const repeat = text.heads / kvHeads;
  const padding = ops.input('prefixBias', ['P', 1, 1, 'S']);
  const unwritten = ops.input('cacheBias', ['T']);
  const rows = dimMultiply('R', repeat);
  return (layer, query, key, value) => {
    publish(layer, key, value);
    const promptShape = ['P', kvHeads, 'S', headDim];
    const promptKeys = ops.input(`promptKey${layer}`, promptShape);
    const promptValues = ops.input(`promptValue${layer}`, promptShape);
    const cacheShape = ['P', 'R', kvHeads, 'T', headDim];
    const cachedKeys = ops.input(`cachedKey${layer}`, cacheShape);
    const cachedValues = ops.input(`cachedValue${layer}`, cacheShape);

    const perRow = ops.reshape(query, ['P', 'R', kvHeads, repeat, headDim]);
    const perHead = ops.reshape(ops.transpose(perRow, [0, 2, 1, 3, 4]), [
      'P',
      kvHeads,
      rows,
      headDim,
    ]);
    const headMajorToRow = (x: Node, width: Dim) =>
      ops.transpose(ops.reshape(x, ['P', kvHeads, 'R', repeat, width]), [0, 2, 1, 3, 4]);
    const self = (x: Node) => ops.reshape(x, ['P', 'R', kvHeads, 1, headDim]);

    const promptScores = ops.add(ops.matmul(perHead, promptKeys, { transposeB: true }), padding);
    const scores = ops.concat(
      [
        headMajorToRow(promptScores, 'S'),
        ops.add(ops.matmul(perRow, cachedKeys, { transposeB: true }), unwritten),
        ops.sum(ops.multiply(perRow, self(key)), [4]),
      ],
      4,
    );
    const weights = ops.softmax(scores);
    const promptWeights = ops.reshape(
      ops.transpose(ops.slice(weights, 4, 0, 'S'), [0, 2, 1, 3, 4]),
      ['P', kvHeads, rows, 'S'],
    );
    const fromPrompt = headMajorToRow(ops.matmul(promptWeights, promptValues), headDim);
    const fromCache = ops.matmul(ops.slice(weights, 4, 'S', 'T'), cachedValues);
    const fromSelf = ops.multiply(ops.slice(weights, 4, 'S+T', 1), self(value));
    const mixed = ops.add(ops.add(fromPrompt, fromCache), fromSelf);
    return ops.reshape(mixed, [dimMultiply('P', 'R'), text.heads * headDim]);
  };
}
