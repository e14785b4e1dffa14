/** Writes a safetensors file so that a crash leaves either the old file or the new one, never a part. */
import { invariant } from '../../core/errors.ts';
import { writeAside } from '../../core/write-aside.ts';
import { float32ToBfloat16 } from './half-floats.ts';

export type NamedTensor = {
  readonly name: string;
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float32Array;
};

/** A tensor whose bytes come piece by piece. */
export type StreamedTensor = {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Of all pieces. */
  readonly byteLength: number;
  readonly pieces: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
};

/**
 * Writes the tensors in the given order, as float32 or rounded to the nearest bfloat16. The file is
 * written aside, flushed to disk and renamed; tensors must not change meanwhile.
 *
 * The metadata entry `format: pt` is what `transformers` demands of a checkpoint.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
  dtype: 'F32' | 'BF16' = 'F32',
): Promise<void> {
  await streamSafetensors(
    path,
    tensors.map(({ name, shape, data }) => {
      const elements = shape.reduce((product, dimension) => product * dimension, 1);
      invariant(
        elements === data.length,
        `${name} [${shape.join(', ')}] holds ${data.length} values`,
      );
      const byteLength = elements * (dtype === 'F32' ? 4 : 2);
      const pieces = () => {
        const values = dtype === 'F32' ? data : float32ToBfloat16(data);
        return [new Uint8Array(values.buffer, values.byteOffset, values.byteLength)];
      };
      return { name, dtype, shape, byteLength, pieces };
    }),
  );
}

/** The same with one piece of one tensor in memory at a time. */
export async function streamSafetensors(
  path: string,
  tensors: readonly StreamedTensor[],
): Promise<void> {
  await writeAside(path, async (append) => {
    await append(header(tensors));
    for (const { name, byteLength, pieces } of tensors) {
      let written = 0;
      for await (const piece of pieces()) {
        await append(piece);
        written += piece.byteLength;
      }
      invariant(written === byteLength, `${name} has ${byteLength} bytes, not ${written}`);
    }
  });
}

function header(tensors: readonly StreamedTensor[]): Uint8Array {
  const entries = new Map<string, unknown>([['__metadata__', { format: 'pt' }]]);
  let offset = 0;
  for (const { name, dtype, shape, byteLength } of tensors) {
    invariant(!entries.has(name), `two tensors are named ${name}`);
    const end = offset + byteLength;
    entries.set(name, { dtype, shape, data_offsets: [offset, end] });
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  // Spaces align the data to 8 bytes, as the format asks.
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, 8);
  return bytes;
}
