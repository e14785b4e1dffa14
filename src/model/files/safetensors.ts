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
import { defined, fail } from '../../core/errors.ts';
import { foundAt, openRegular, readInto, readText } from '../../core/files.ts';
import { reading, readingIfThere } from '../../core/reading.ts';
import { bfloat16ToFloat32, float16ToFloat32 } from './half-floats.ts';

type TensorInfo = { readonly dtype: string; readonly shape: readonly number[] };

/** Open weights of a checkpoint. */
export type TensorStore = {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * One tensor as float32, row-major. Throws a `model` error when there is no tensor of that name, it
   * is not F32, F16 or BF16, or the file cannot be read.
   */
  read(name: string): Promise<Float32Array<ArrayBuffer>>;
  close(): Promise<void>;
};

type Entry = TensorInfo & {
  /** Byte range within the file. */
  readonly start: number;
  readonly end: number;
};

const bytesPerElement: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
};

const maxHeaderBytes = 100_000_000;

const headerSchema = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    shape: z.array(z.int().nonnegative()),
    data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
  }),
);

const indexSchema = z.object({
  weight_map: z.record(z.string(), z.string().regex(/^[^/\\]+\.safetensors$/)),
});

/**
 * Opens one `.safetensors` file, or a model directory that holds `model.safetensors` or a sharded
 * index; of both the former counts, as in `transformers`. Throws a `model` error that names the file when it
 * is absent, truncated or inconsistent.
 */
export async function openSafetensors(path: string): Promise<TensorStore> {
  const found = await reading(asked(path), () => foundAt(path));
  if (found !== 'folder') return openFile(path);
  const single = join(path, 'model.safetensors');
  if ((await reading(asked(single), () => foundAt(single))) !== 'missing') return openFile(single);
  const index = join(path, 'model.safetensors.index.json');
  const text = await readingIfThere(asked(index), () => readText(index));
  return text === undefined ? openFile(single) : openShards(index, text, path);
}

async function openShards(index: string, text: string, directory: string): Promise<TensorStore> {
  const parsed = indexSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    return corrupt(index, 'a weight_map of tensor names to files', z.prettifyError(parsed.error));
  }
  const shards = new Map<string, TensorStore>();
  const close = async (): Promise<void> => {
    await Promise.all([...shards.values()].map((shard) => shard.close()));
  };
  const tensors = new Map<string, TensorInfo>();
  const owners = new Map<string, TensorStore>();
  try {
    for (const file of new Set(Object.values(parsed.data.weight_map))) {
      shards.set(file, await openFile(join(directory, file)));
    }
    for (const [name, file] of Object.entries(parsed.data.weight_map)) {
      const shard = defined(shards.get(file), file);
      const info = shard.tensors.get(name) ?? corrupt(index, `tensor ${name} in ${file}`, 'none');
      tensors.set(name, info);
      owners.set(name, shard);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const read = async (name: string) => (owners.get(name) ?? missing(index, name)).read(name);
  return { tensors, read, close };
}

async function openFile(path: string): Promise<TensorStore> {
  const handle = await reading(asked(path), () => openRegular(path));
  try {
    const tensors = await readHeader(handle, path);
    const read = (name: string) => readTensor(handle, path, name, tensors.get(name));
    return { tensors, read, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readHeader(handle: FileHandle, path: string): Promise<Map<string, Entry>> {
  const { size } = await handle.stat();
  const prefix = await readBytes(handle, path, 0, Math.min(8, size));
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
      return { name, dtype, shape, start: origin + start, end: origin + end };
    })
    .sort((a, b) => a.start - b.start || a.end - b.end);
  let position = origin;
  for (const { name, dtype, shape, start, end } of entries) {
    const width = bytesPerElement[dtype] ?? corrupt(path, `a known dtype for ${name}`, dtype);
    if (start !== position) {
      corrupt(path, `tensor ${name} at byte ${position}`, `byte ${start} (gap or overlap)`);
    }
    const bytes = shape.reduce((product, dimension) => product * dimension, width);
    if (end - start !== bytes) {
      corrupt(path, `${bytes} bytes for ${name} [${shape.join(', ')}] ${dtype}`, `${end - start}`);
    }
    position = end;
  }
  if (position !== size) corrupt(path, `${position} bytes in all`, `${size}`);
  return new Map(entries.map(({ name, ...entry }) => [name, entry]));
}

async function readTensor(
  handle: FileHandle,
  path: string,
  name: string,
  entry: Entry | undefined,
): Promise<Float32Array<ArrayBuffer>> {
  const { dtype, start, end } = entry ?? missing(path, name);
  switch (dtype) {
    case 'F32':
      return new Float32Array(await readBytes(handle, path, start, end));
    case 'BF16':
      return bfloat16ToFloat32(new Uint16Array(await readBytes(handle, path, start, end)));
    case 'F16':
      return float16ToFloat32(new Uint16Array(await readBytes(handle, path, start, end)));
    default:
      return corrupt(path, `F32, F16 or BF16 for ${name}`, dtype);
  }
}

async function readBytes(
  handle: FileHandle,
  path: string,
  start: number,
  end: number,
): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(end - start);
  const filled = await reading(asked(path), () => readInto(handle, bytes, start));
  if (filled < bytes.length) corrupt(path, `${end} bytes`, `${start + filled}`);
  return bytes.buffer;
}

/** `undefined` where the text is not JSON: the schemas then say what they expected. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asked(where: string) {
  return {
    boundary: 'model',
    where,
    expected: 'a readable file',
    next: 'check the model directory',
  } as const;
}

function corrupt(path: string, expected: string, got: string): never {
  return fail('model', {
    where: path,
    expected,
    got,
    next: 'the file is damaged or of another kind: download or export it again',
  });
}

function missing(path: string, name: string): never {
  return fail('model', {
    where: path,
    expected: `a tensor named ${name}`,
    got: 'none',
    next: 'use a Qwen3-VL checkpoint',
  });
}
