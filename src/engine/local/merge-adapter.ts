/**
 * A checkpoint with an adapter's product added to its weights, W + scale · B·A in float32, as the same files
 * again. Tensors pass through in blocks of rows: a model may be larger than memory.
 */
import { writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { defined, fail } from '../../core/errors.ts';
import { entriesOf, foundAt, freeBytesAt, readText } from '../../core/files.ts';
import { readModelConfig } from '../../model/config.ts';
import type { AdapterConfig } from '../../model/files/adapter-config.ts';
import {
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
} from '../../model/files/half-floats.ts';
import type { ModelSource } from '../../model/files/model-source.ts';
import { indexFile, openSafetensors, type TensorStore } from '../../model/files/safetensors.ts';
import {
  openWeights,
  renamed,
  type WeightNames,
  type WeightStore,
} from '../../model/files/weight-names.ts';
import { type StreamedTensor, streamSafetensors } from '../../model/files/write-safetensors.ts';
import { parameterSpecs } from '../../model/parameters.ts';
import { storing, writeDirectoryDurably } from '../../run/durable.ts';
import * as ops from '../../tensor/ops.ts';
import { Program } from '../../tensor/program.ts';
import { checkpointFiles, configFile, copyFiles } from './checkpoint-files.ts';
import type { Cancellation } from './network.ts';
import { type Adapter, factorNames } from './weights/adapter.ts';
import { readAdapter, requireBase } from './weights/adapter-file.ts';
import { baseDigest } from './weights/base-digest.ts';
import { requireFinite, requireTensors } from './weights/read-checked.ts';

/** What all merged weights are written in. */
export type MergedType = 'bf16' | 'f32';

/** Types of weights by their name in safetensors: bytes of an element, name in config.json, encoding. */
const formats = {
  F32: { bytes: 4, config: 'float32', encode: (values: Float32Array) => values },
  BF16: { bytes: 2, config: 'bfloat16', encode: float32ToBfloat16 },
  F16: { bytes: 2, config: 'float16', encode: float32ToFloat16 },
} as const;
type Dtype = keyof typeof formats;
const dtypeOf = { bf16: 'BF16', f32: 'F32' } as const satisfies Record<MergedType, Dtype>;

/** Elements of a tensor that are in memory at once. */
const blockElements = 1 << 22;

export type MergeContext = {
  readonly signal: Cancellation;
  /** Told the bytes written so far and in all. */
  readonly onProgress: (done: number, total: number) => void;
};

/**
 * Writes the merged model into a new folder, which appears when it is whole.
 *
 * @param type each tensor keeps the original's where it is undefined
 * @throws MedixError 'model' as opening the adapter and its base does; 'run' where the folder exists already, or
 *   there is no room for it
 */
export async function mergeAdapter(
  source: ModelSource & { readonly adapter: AdapterConfig },
  out: string,
  type: MergedType | undefined,
  context: MergeContext,
): Promise<void> {
  const { folder: original, adapter: config } = source;
  const specs = parameterSpecs(await readModelConfig(original));
  const store = await openWeights(original);
  try {
    requireTensors(store, specs);
    requireBase(config, original, await baseDigest(store));
    const adapter = await readAdapter(config, specs);
    const total = bytesOf(store.tensors.values(), type);
    await requirePlace(out, total);
    const product = await compileProduct(adapter);
    const { names } = store;
    const merge = { adapter, product, type, names, context: withTotal(context, total) };
    try {
      await storing(
        out,
        () => writeDirectoryDurably(resolve(out), (folder) => writeMerged(original, folder, merge)),
        'make room or grant access, then merge again',
      );
    } finally {
      await product.dispose();
    }
  } finally {
    await store.close();
  }
}

type Merge = {
  readonly adapter: Adapter;
  readonly product: Program;
  readonly type: MergedType | undefined;
  /** Of tensors in the original's files. */
  readonly names: WeightNames;
  readonly context: { readonly signal: Cancellation; readonly onWritten: (bytes: number) => void };
};

function withTotal({ signal, onProgress }: MergeContext, total: number): Merge['context'] {
  let done = 0;
  const onWritten = (bytes: number) => {
    done += bytes;
    onProgress(done, total);
  };
  return { signal, onWritten };
}

async function writeMerged(original: string, folder: string, merge: Merge): Promise<void> {
  const { texts, weights, index } = await checkpointFiles(original);
  await copyFiles(original, folder, texts);
  if (merge.type !== undefined) await renameType(join(folder, configFile), merge.type);
  let bytes = 0;
  for (const name of weights) {
    const store = renamed(await openSafetensors(join(original, name)), merge.names);
    try {
      await streamSafetensors(join(folder, name), streamed(store, merge));
      bytes += bytesOf(store.tensors.values(), merge.type);
    } finally {
      await store.close();
    }
  }
  if (index === undefined) return;
  const path = join(folder, indexFile);
  await writeFile(path, merge.type === undefined ? index : withSize(index, bytes));
}

/** The file stays as it is but for the names of types in it. */
async function renameType(path: string, type: MergedType): Promise<void> {
  const text = await readText(path);
  const name = formats[dtypeOf[type]].config;
  const named = /("(?:torch_)?dtype"\s*:\s*)"(?:torch\.)?b?float(?:16|32)"/g;
  await writeFile(path, text.replaceAll(named, `$1"${name}"`));
}

function withSize(index: string, bytes: number): string {
  const content = JSON.parse(index) as { metadata?: object };
  const metadata = { ...content.metadata, total_size: bytes };
  return `${JSON.stringify({ ...content, metadata }, null, 2)}\n`;
}

/** The tensors of one file, in its order. */
function streamed(store: WeightStore, merge: Merge): StreamedTensor[] {
  const layers = new Map(merge.adapter.layers.map((layer) => [`${layer}.weight`, layer]));
  return [...store.tensors].map(([name, info]) => {
    const layer = layers.get(name);
    const dtype = typeOf(info.dtype, merge.type);
    const isKept = layer === undefined && dtype === info.dtype;
    const pieces = isKept ? bytes(store, name) : blocks(store, name, layer, dtype as Dtype, merge);
    return {
      name: store.names.inFile(name),
      dtype,
      shape: info.shape,
      byteLength: bytesOf([info], merge.type),
      pieces: () => told(pieces, merge.context),
    };
  });
}

async function* told(
  pieces: AsyncIterable<Uint8Array>,
  { signal, onWritten }: Merge['context'],
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    signal.throwIfAborted();
    yield piece;
    onWritten(piece.byteLength);
  }
}

async function* bytes(store: TensorStore, name: string): AsyncGenerator<Uint8Array> {
  const { byteLength } = defined(store.tensors.get(name), name);
  const step = 4 * blockElements;
  for (let start = 0; start < byteLength; start += step) {
    yield await store.readBytes(name, start, Math.min(step, byteLength - start));
  }
}

/** @param layer whose factors are added, where there are any */
async function* blocks(
  store: TensorStore,
  name: string,
  layer: string | undefined,
  dtype: Dtype,
  merge: Merge,
): AsyncGenerator<Uint8Array> {
  const { shape } = defined(store.tensors.get(name), name);
  const elements = shape.reduce((product, dimension) => product * dimension, 1);
  const columns = layer === undefined ? 1 : defined(shape[1], name);
  const step = columns * Math.max(1, Math.floor(blockElements / columns));
  for (let start = 0; start < elements; start += step) {
    const count = Math.min(step, elements - start);
    const values = await store.readSlice(name, start, count);
    if (layer !== undefined) await addProduct(values, layer, start / columns, columns, merge);
    const encoded = formats[dtype].encode(values);
    if (dtype === 'F16')
      requireFinite(
        float16ToFloat32(encoded as Uint16Array),
        `${store.path}: ${store.nameInFile(name)} merged, in float16`,
      );
    yield new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  }
}

/** To some rows of W, in place. */
async function addProduct(
  values: Float32Array,
  layer: string,
  firstRow: number,
  columns: number,
  { adapter: { policy, settings }, product }: Merge,
): Promise<void> {
  const { down, up } = factorNames(layer);
  const rows = values.length / columns;
  const start = firstRow * settings.rank;
  await product.run(
    {
      weights: values,
      down: defined(policy.views[down], down),
      up: defined(policy.views[up], up).subarray(start, start + rows * settings.rank),
      scale: Float32Array.of(policy.scale),
    },
    { merged: values },
    { R: rows, C: columns },
  );
}

function compileProduct({ settings: { rank } }: Adapter): Promise<Program> {
  const weights = ops.input('weights', ['R', 'C']);
  const up = ops.multiply(ops.input('up', ['R', rank]), ops.input('scale', [1]));
  return Program.compile({
    merged: ops.add(weights, ops.matmul(up, ops.input('down', [rank, 'C']))),
  });
}

/** What is no weight of a kind that is computed with stays as it is. */
function typeOf(dtype: string, type: MergedType | undefined): string {
  return type !== undefined && dtype in formats ? dtypeOf[type] : dtype;
}

function bytesOf(
  tensors: Iterable<{ readonly dtype: string; readonly byteLength: number }>,
  type: MergedType | undefined,
): number {
  let total = 0;
  for (const { dtype, byteLength } of tensors) {
    const isWeight = type !== undefined && dtype in formats;
    total += isWeight
      ? (byteLength / formats[dtype as Dtype].bytes) * formats[dtypeOf[type]].bytes
      : byteLength;
  }
  return total;
}

/** @throws MedixError 'run' where the folder exists with something in it, or its disk has too little room */
async function requirePlace(out: string, bytes: number): Promise<void> {
  const found = (await foundAt(out)) === 'missing' ? [] : await entriesOf(out);
  if (found.length > 0) {
    fail('run', {
      where: out,
      expected: 'a folder that does not exist yet, or is empty',
      got: `one with ${found.length} files or folders`,
      next: 'choose another name',
    });
  }
  const free = await freeBytesAt(await existingFolder(resolve(out)));
  if (free >= bytes) return;
  fail('run', {
    where: out,
    expected: `${gibibytes(bytes)} of free space for the merged model`,
    got: gibibytes(free),
    next: 'make room, or name a folder on another disk',
  });
}

async function existingFolder(path: string): Promise<string> {
  return (await foundAt(path)) !== 'missing' || dirname(path) === path
    ? path
    : existingFolder(dirname(path));
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
