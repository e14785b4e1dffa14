/**
 * The safetensors format: 8 bytes header length (little endian), a JSON header, then the tensors. Only
 * the header is read on opening; a tensor is read by its byte range when asked for. Sharded
 * checkpoints (`model.safetensors.index.json`) open as one.
 *
 * Source: https://github.com/huggingface/safetensors (format description). The host is little endian,
 * as every platform of Node with prebuilt binaries is.
 */
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { defined, fail, invariant } from '../../core/errors.ts';
import { foundAt, openRegular, readText } from '../../core/files.ts';
import { reading, readingIfThere, refusalCode } from '../../core/reading.ts';
import { asked, corrupt, createBlocks, readBytes } from './blocks.ts';
import {
  areFinite,
  areFiniteHalves,
  bfloat16ToFloat16,
  float16ToFloat32,
  float32ToFloat16,
  widenBfloat16,
} from './half-floats.ts';

type TensorInfo = {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** In the file. */
  readonly byteLength: number;
};

/** Open weights of a checkpoint. */
export type TensorStore = {
  /** What was opened, for messages. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** That of a tensor in the file, for messages. */
  nameInFile(name: string): string;
  /**
   * One tensor as float32, row-major. Throws a `model` error when there is no tensor of that name, it
   * is not F32, F16 or BF16, or the file cannot be read.
   */
  read(name: string): Promise<Float32Array<ArrayBuffer>>;
  /** The same of `count` elements from `start` on. */
  readSlice(name: string, start: number, count: number): Promise<Float32Array<ArrayBuffer>>;
  /**
   * The same as `read`, into an array as long as the tensor, without a second copy of it.
   * @returns whether all values are finite
   */
  readInto(name: string, into: Float32Array): Promise<boolean>;
  /** The same in float16, rounded to nearest; what is too large for it is not finite. */
  readHalvesInto(name: string, into: Uint16Array): Promise<boolean>;
  /** Up to `count` bytes of a tensor as they are in the file, from its byte `start` on. */
  readBytes(name: string, start: number, count: number): Promise<Uint8Array>;
  close(): Promise<void>;
};

type Entry = TensorInfo & {
  /** Byte range within the file. */
  readonly start: number;
  readonly end: number;
};

/** Of all types of the format; a byte holds several elements of the smallest ones. */
const bitsPerElement: Readonly<Record<string, number>> = {
  F4: 4,
  I4: 4,
  U4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E4M3: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2: 8,
  F8_E5M2FNUZ: 8,
  F8_E8M0: 8,
  U16: 16,
  I16: 16,
  F16: 16,
  BF16: 16,
  U32: 32,
  I32: 32,
  F32: 32,
  U64: 64,
  I64: 64,
  F64: 64,
  C64: 64,
};

/** Those that are read as numbers, with the bytes of an element. */
const readTypes = { F32: 4, F16: 2, BF16: 2 } as const;
type ReadType = keyof typeof readTypes;

const maxHeaderBytes = 100_000_000;

const headerSchema = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    shape: z.array(z.int().nonnegative()),
    data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
  }),
);

/** Of `model.safetensors.index.json`. */
export const indexSchema = z.object({
  weight_map: z.record(z.string(), z.string().regex(/^[^/\\]+\.safetensors$/)),
});

/** Names of weights in a model folder: in one file, or in shards that an index names. */
export const wholeFile = 'model.safetensors';
export const indexFile = 'model.safetensors.index.json';

/**
 * Opens one `.safetensors` file, or a model directory that holds `model.safetensors` or a sharded
 * index; of both the former counts, as in `transformers`. Throws a `model` error that names the file when it
 * is absent, truncated or inconsistent.
 */
export async function openSafetensors(path: string): Promise<TensorStore> {
  const found = await reading(asked(path), () => foundAt(path));
  if (found !== 'folder') return openFile(path);
  const single = join(path, wholeFile);
  if ((await reading(asked(single), () => foundAt(single))) !== 'missing') return openFile(single);
  const index = join(path, indexFile);
  const text = await readingIfThere(asked(index), () => readText(index));
  return text === undefined ? openFile(single) : openShards(index, text, path);
}

/**
 * The files that the index of a sharded checkpoint names.
 * @param index its path, for messages
 * @throws MedixError 'model' where the text is no index
 */
export function shardNames(index: string, text: string): string[] {
  return [...new Set(Object.values(parseIndex(index, text)))];
}

function parseIndex(index: string, text: string): Readonly<Record<string, string>> {
  const parsed = indexSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data.weight_map;
  return corrupt(index, 'a weight_map of tensor names to files', z.prettifyError(parsed.error));
}

async function openShards(index: string, text: string, directory: string): Promise<TensorStore> {
  const owned = Object.entries(parseIndex(index, text));
  const shards = new Map<string, TensorStore>();
  const close = async (): Promise<void> => {
    await Promise.all([...shards.values()].map((shard) => shard.close()));
  };
  const tensors = new Map<string, TensorInfo>();
  const owners = new Map<string, TensorStore>();
  try {
    for (const file of shardNames(index, text)) {
      shards.set(file, await openFile(join(directory, file), index));
    }
    for (const [name, file] of owned) {
      const shard = defined(shards.get(file), file);
      const info = shard.tensors.get(name) ?? corrupt(index, `tensor ${name} in ${file}`, 'none');
      tensors.set(name, info);
      owners.set(name, shard);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const owner = (name: string) => owners.get(name) ?? missing(index, name);
  return {
    path: directory,
    tensors,
    nameInFile: (name) => name,
    read: async (name) => owner(name).read(name),
    readSlice: async (name, start, count) => owner(name).readSlice(name, start, count),
    readInto: async (name, into) => owner(name).readInto(name, into),
    readHalvesInto: async (name, into) => owner(name).readHalvesInto(name, into),
    readBytes: async (name, start, count) => owner(name).readBytes(name, start, count),
    close,
  };
}

/** @param index what names the file, where something does */
async function openFile(path: string, index?: string): Promise<TensorStore> {
  const handle = await reading(asked(path), () => openRegular(path)).catch((error: unknown) =>
    refusalCode(error) === 'ENOENT' && index !== undefined
      ? missingShard(path, index)
      : rethrow(error),
  );
  try {
    const tensors = await readHeader(handle, path);
    const entry = (name: string) => tensors.get(name) ?? missing(path, name);
    const blocks = createBlocks(handle, path);
    const fill = async <Target extends Float32Array | Uint16Array>(
      name: string,
      into: Target,
      convert: (block: Uint8Array<ArrayBuffer>, dtype: ReadType, into: Target) => boolean,
    ): Promise<boolean> => {
      const { dtype, start, end } = entry(name);
      requireReadType(`${path}: ${name}`, dtype);
      const width = readTypes[dtype];
      invariant(into.length * width === end - start, `room for ${name}`);
      let done = 0;
      let allFinite = true;
      await blocks.each(start, end, (block) => {
        const part = into.subarray(done, done + block.length / width) as Target;
        allFinite = convert(block, dtype, part) && allFinite;
        done += part.length;
      });
      return allFinite;
    };
    return {
      path,
      tensors,
      nameInFile: (name) => name,
      read: async (name) => readElements(handle, path, name, entry(name)),
      readSlice: async (name, start, count) =>
        readElements(handle, path, name, sliceOf(entry(name), start, count)),
      readInto: (name, into) => fill(name, into, widen),
      readHalvesInto: (name, into) => fill(name, into, halve),
      readBytes: async (name, start, count) => {
        const { start: first, end } = entry(name);
        const from = Math.min(first + start, end);
        return new Uint8Array(await readBytes(handle, path, from, Math.min(from + count, end)));
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readHeader(handle: FileHandle, path: string): Promise<Map<string, Entry>> {
  const { size } = await handle.stat();
  const prefix = await readBytes(handle, path, 0, Math.min(8, size));
  if (new TextDecoder().decode(prefix) === 'version ') failPointer(path);
  const length = size < 8 ? Number.NaN : Number(new DataView(prefix).getBigUint64(0, true));
  if (!(length >= 2 && length <= maxHeaderBytes && 8 + length <= size)) {
    corrupt(path, `a header that fits into ${size} bytes`, `a header of ${length} bytes`);
  }
  const text = new TextDecoder().decode(await readBytes(handle, path, 8, 8 + length));
  const json = parseJson(text);
  const named =
    typeof json === 'object' && json !== null
      ? Object.entries(json).filter(([name]) => name !== '__metadata__')
      : undefined;
  const parsed = headerSchema.safeParse(named && Object.fromEntries(named));
  if (!parsed.success) {
    return corrupt(
      path,
      'a JSON header of dtype, shape and data_offsets',
      z.prettifyError(parsed.error),
    );
  }
  return layout(path, 8 + length, size, Object.entries(parsed.data));
}

/** Checks that the tensors tile the rest of the file without gap or overlap. */
function layout(
  path: string,
  origin: number,
  size: number,
  header: readonly [string, z.infer<typeof headerSchema>[string]][],
): Map<string, Entry> {
  const entries = header
    .map(([name, { dtype, shape, data_offsets }]) => {
      const [start, end] = data_offsets;
      return {
        name,
        dtype,
        shape,
        byteLength: end - start,
        start: origin + start,
        end: origin + end,
      };
    })
    .sort((a, b) => a.start - b.start || a.end - b.end);
  let position = origin;
  for (const { name, dtype, shape, start, end } of entries) {
    const bits = bitsPerElement[dtype] ?? corrupt(path, `a known dtype for ${name}`, dtype);
    if (start !== position) {
      corrupt(path, `tensor ${name} at byte ${position}`, `byte ${start} (gap or overlap)`);
    }
    const bytes = Math.ceil(shape.reduce((product, dimension) => product * dimension, bits) / 8);
    if (end - start !== bytes) {
      corrupt(path, `${bytes} bytes for ${name} [${shape.join(', ')}] ${dtype}`, `${end - start}`);
    }
    position = end;
  }
  if (position !== size) corrupt(path, `${position} bytes in all`, `${size}`);
  return new Map(entries.map(({ name, ...entry }) => [name, entry]));
}

function sliceOf(entry: Entry, start: number, count: number): Entry {
  const width = readTypes[entry.dtype as ReadType] ?? 0;
  const from = entry.start + start * width;
  invariant(from + count * width <= entry.end, 'a slice lies within its tensor');
  return { ...entry, start: from, end: from + count * width };
}

async function readElements(
  handle: FileHandle,
  path: string,
  name: string,
  { dtype, start, end }: Entry,
): Promise<Float32Array<ArrayBuffer>> {
  requireReadType(`${path}: ${name}`, dtype);
  const bytes = new Uint8Array(await readBytes(handle, path, start, end));
  if (dtype === 'F32') return new Float32Array(bytes.buffer);
  const values = new Float32Array(bytes.length / readTypes[dtype]);
  widen(bytes, dtype, values);
  return values;
}

/** @param block at the beginning of its buffer. @returns whether all values are finite */
function widen(block: Uint8Array<ArrayBuffer>, dtype: ReadType, into: Float32Array): boolean {
  switch (dtype) {
    case 'F32':
      into.set(new Float32Array(block.buffer, 0, into.length));
      return areFinite(into);
    case 'BF16':
      return widenBfloat16(new Uint16Array(block.buffer, 0, into.length), into);
    case 'F16':
      return areFinite(float16ToFloat32(new Uint16Array(block.buffer, 0, into.length), into));
  }
}

/** The same in float16. */
function halve(block: Uint8Array<ArrayBuffer>, dtype: ReadType, into: Uint16Array): boolean {
  switch (dtype) {
    case 'F32':
      return areFiniteHalves(
        float32ToFloat16(new Float32Array(block.buffer, 0, into.length), into),
      );
    case 'BF16':
      return bfloat16ToFloat16(new Uint16Array(block.buffer, 0, into.length), into);
    case 'F16':
      into.set(new Uint16Array(block.buffer, 0, into.length));
      return areFiniteHalves(into);
  }
}

/**
 * @param where file and tensor, for the message
 * @throws MedixError 'model' that names the type where its elements are not read as numbers
 */
export function requireReadType(where: string, dtype: string): asserts dtype is ReadType {
  if (dtype in readTypes) return;
  const isQuantised = (bitsPerElement[dtype] ?? 64) <= 8;
  fail('model', {
    where,
    expected: 'F32, F16 or BF16',
    got: isQuantised ? `${dtype}, a type of quantised weights` : `${dtype}, another type`,
    next: isQuantised
      ? 'use the checkpoint that was quantised, with its weights in BF16, F16 or F32; MediX makes 8-bit weights itself (engine.base)'
      : 'save the weights as BF16, F16 or F32',
  });
}

/** `undefined` where the text is not JSON: the schemas then say what they expected. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function rethrow(error: unknown): never {
  throw error;
}

function failPointer(path: string): never {
  return fail('model', {
    where: path,
    expected: 'weights',
    got: 'a pointer of Git LFS to a file that was not fetched',
    next: 'run git lfs pull',
  });
}

function missingShard(path: string, index: string): never {
  return fail('model', {
    where: path,
    expected: `a file that ${index} names`,
    got: 'no such file',
    next: 'download or copy the missing shard to the others',
  });
}

function missing(path: string, name: string): never {
  return fail('model', {
    where: path,
    expected: `a tensor named ${name}`,
    got: 'none',
    next: 'use the weight files that belong to this config.json',
  });
}
