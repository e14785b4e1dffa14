/**
 * Batches without padding. All of a decoder but its attention works on each token by itself, so the graphs of a
 * whole network hold the tokens that are there one after the other, N of them, and lay them out as
 * sequences of one length, [P, S] then [P, G, C], for attention alone.
 */
import { invariant } from '../../../core/errors.ts';
import type { Attend } from '../../../model/decoder/attention.ts';
import type { Prompt } from '../../../model/prompt.ts';
import { type Bindings, dimAdd, dimMultiply } from '../../../tensor/dim.ts';
import type { Node } from '../../../tensor/node.ts';
import * as ops from '../../../tensor/ops.ts';
import type { Values } from '../../../tensor/program.ts';
import type { UpdateBatch } from '../batch.ts';

export type BatchWithImages = {
  readonly values: Values;
  readonly bindings: Bindings;
  /** Whether there are any. */
  readonly images: boolean;
};

/** The part of a graph over packed tokens that knows the padded layout. */
export function packedRows() {
  const padded = dimAdd(dimMultiply('P', 'S'), dimMultiply('P', 'G', 'C'));
  // 1 + the packed token at each padded place, and 1 + the padded place of each packed token.
  const tokenAt = ops.input('tokenAt', [padded], 'int32');
  const placeOf = ops.input('placeOf', ['N'], 'int32');
  const spread = (x: Node) => ops.placeRows(x, tokenAt, placeOf);
  const attend =
    (inner: Attend): Attend =>
    (layer, query, key, value) =>
      ops.placeRows(inner(layer, spread(query), spread(key), spread(value)), placeOf, tokenAt);
  const placeFeatures = (features: Node) =>
    ops.placeRows(
      features,
      ops.input('imageRow', ['N'], 'int32'),
      ops.input('featureToken', [dimMultiply('I', 'U')], 'int32'),
    );
  return { attend, placeFeatures };
}

/** The values of a padded batch as graphs over {@link packedRows} take them. */
export function packBatch(
  { used, tokens }: Pick<UpdateBatch, 'used' | 'tokens'>,
  { values, bindings, images }: BatchWithImages,
): BatchWithImages {
  const tokenAt = new Int32Array(tokens);
  used.forEach((place, token) => {
    tokenAt[place] = token + 1;
  });
  const packed: Record<string, Values[string]> = {
    ...values,
    tokenAt,
    placeOf: used.map((place) => place + 1),
    predictors: (values['predictors'] as Int32Array).map((place) => tokenAt[place]! - 1),
  };
  for (const name of ['tokens', 'cos', 'sin', 'isText', 'imageRow']) {
    const rows = values[name];
    if (rows !== undefined) packed[name] = pickRows(rows, used, rows.length / tokens);
  }
  if (images) {
    const featureToken = new Int32Array(bindings['I']! * bindings['U']!);
    (packed['imageRow'] as Int32Array).forEach((row, token) => {
      if (row === 0) return;
      invariant(featureToken[row - 1] === 0, 'an image feature stands for one token');
      featureToken[row - 1] = token + 1;
    });
    packed['featureToken'] = featureToken;
  }
  return { values: packed, bindings: { ...bindings, N: used.length }, images };
}

/** The same prompts with no image object in two places: each place has features of its own. */
export function ownImages(prompts: readonly Prompt[]): readonly Prompt[] {
  const seen = new Set<object>();
  return prompts.map(({ tokens, images }) => ({
    tokens,
    images: images.map((image) => {
      const own = seen.has(image) ? { ...image } : image;
      seen.add(own);
      return own;
    }),
  }));
}

function pickRows(
  values: Values[string],
  rows: Int32Array,
  width: number,
): Float32Array | Int32Array {
  const picked =
    values instanceof Int32Array
      ? new Int32Array(rows.length * width)
      : new Float32Array(rows.length * width);
  rows.forEach((from, to) => {
    picked.set(values.subarray(from * width, (from + 1) * width), to * width);
  });
  return picked;
}
