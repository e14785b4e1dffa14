/**
 * Matrices of a checkpoint as 8-bit integers in one file of the cache, made once. Each row of a matrix
 * (an output channel) has its own scale: its largest magnitude is 127. The file holds the integers in both
 * orientations, see stored-matrix.ts.
 */
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { defined } from '../../../core/errors.ts';
import { foundAt, openRegular, readText } from '../../../core/files.ts';
import type { TensorStore } from '../../../model/files/safetensors.ts';
import { writeDirectoryDurably } from '../../../run/durable.ts';
import { largestInteger, type StoredMatrix } from '../../../tensor/stored-matrix.ts';
import { requireFinite, requireTensors } from './read-checked.ts';

/** A matrix to be stored: a parameter's name and its shape [rows, columns]. */
export type MatrixSpec = { readonly name: string; readonly shape: readonly [number, number] };

/** Offsets are multiples of what any system maps into memory at once. */
const alignment = 65_536;
/** Elements of a matrix that are read at once. */
const blockElements = 1 << 24;

const indexSchema = z.record(
  z.string(),
  z.object({
    rows: z.int().positive(),
    columns: z.int().positive(),
    scales: z.int().nonnegative(),
    forward: z.int().nonnegative(),
    backward: z.int().nonnegative(),
  }),
);
type Index = z.infer<typeof indexSchema>;

const dataFile = 'matrices.bin';
const indexFile = 'matrices.json';

/**
 * Opens what the folder holds, and makes it first where there is none.
 * @param onStart called where it has to be made, which takes about as long as reading the checkpoint twice
 * @throws MedixError 'model' as reading does
 */
export async function openIntegerMatrices(
  folder: string,
  store: TensorStore,
  specs: readonly MatrixSpec[],
  onStart: () => void,
): Promise<ReadonlyMap<string, StoredMatrix>> {
  const known = await readIndex(folder);
  if (known !== undefined) return matricesOf(folder, known);
  onStart();
  await writeDirectoryDurably(folder, (unfinished) => writeMatrices(unfinished, store, specs));
  return matricesOf(folder, defined(await readIndex(folder), indexFile));
}

async function readIndex(folder: string): Promise<Index | undefined> {
  const path = join(folder, indexFile);
  const text = (await foundAt(path)) === 'missing' ? undefined : await readText(path);
  return text === undefined ? undefined : indexSchema.parse(JSON.parse(text));
}

async function matricesOf(folder: string, index: Index): Promise<Map<string, StoredMatrix>> {
  const file = join(folder, dataFile);
  const handle = await openRegular(file);
  try {
    const matrices = new Map<string, StoredMatrix>();
    for (const [name, { scales: offset, ...place }] of Object.entries(index)) {
      const scales = new Float32Array(place.rows);
      await handle.read(new Uint8Array(scales.buffer), 0, scales.byteLength, offset);
      matrices.set(name, { file, scales, ...place });
    }
    return matrices;
  } finally {
    await handle.close();
  }
}

async function writeMatrices(
  folder: string,
  store: TensorStore,
  specs: readonly MatrixSpec[],
): Promise<void> {
  const index: Index = {};
  const file = await open(join(folder, dataFile), 'wx');
  try {
    let end = 0;
    const append = async (bytes: Uint8Array) => {
      const start = end;
      for (let done = 0; done < bytes.length; ) {
        // One write is limited to 2 GiB by Linux.
        const length = Math.min(bytes.length - done, 1 << 30);
        done += (await file.write(bytes, done, length, start + done)).bytesWritten;
      }
      end = Math.ceil((start + bytes.length) / alignment) * alignment;
      return start;
    };
    requireTensors(store, specs);
    for (const { name, shape } of specs) {
      const [rows, columns] = shape;
      const { integers, turned, scales } = await quantise(store, name, rows, columns);
      index[name] = {
        rows,
        columns,
        scales: await append(new Uint8Array(scales.buffer)),
        forward: await append(new Uint8Array(turned.buffer)),
        backward: await append(new Uint8Array(integers.buffer)),
      };
    }
  } finally {
    await file.close();
  }
  await writeFile(join(folder, indexFile), JSON.stringify(index));
}

async function quantise(store: TensorStore, name: string, rows: number, columns: number) {
  const integers = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  const rowsAtOnce = Math.max(1, Math.floor(blockElements / columns));
  const read = (first: number) => {
    const count = Math.min(rowsAtOnce, rows - first);
    const block = store.readSlice(name, first * columns, count * columns);
    // It is waited for in its turn; until then its failure is nobody's.
    block.catch(() => {});
    return block;
  };
  let next = read(0);
  for (let first = 0; first < rows; first += rowsAtOnce) {
    const block = await next;
    // Read while this one is worked on.
    if (first + rowsAtOnce < rows) next = read(first + rowsAtOnce);
    requireFinite(block, `${store.path}: ${store.nameInFile(name)}`);
    for (let row = 0; row * columns < block.length; row++) {
      const values = block.subarray(row * columns, (row + 1) * columns);
      scales[first + row] = quantiseRow(values, integers, (first + row) * columns);
    }
  }
  return { integers, turned: transposed(integers, rows, columns), scales };
}

/** @returns the scale, by which the integers are the values but for rounding */
function quantiseRow(values: Float32Array, integers: Int8Array, start: number): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  if (largest === 0) return 1;
  const scale = Math.fround(largest / largestInteger);
  const inverse = 1 / scale;
  for (let i = 0; i < values.length; i++) {
    // Seven times as fast as `Math.round`. The largest magnitude comes out as 127, so that none is beyond.
    integers[start + i] = Math.floor(values[i]! * inverse + 0.5);
  }
  return scale;
}

/** In tiles that stay in the processor's cache. */
function transposed(source: Int8Array, rows: number, columns: number): Int8Array {
  const tile = 64;
  const result = new Int8Array(source.length);
  for (let top = 0; top < rows; top += tile) {
    for (let left = 0; left < columns; left += tile) {
      const bottom = Math.min(rows, top + tile);
      const right = Math.min(columns, left + tile);
      for (let column = left; column < right; column++) {
        for (let row = top; row < bottom; row++) {
          result[column * rows + row] = source[row * columns + column]!;
        }
      }
    }
  }
  return result;
}
