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
  await writeAside(path, async (append) => {
    await append(header(tensors, dtype));
    for (const { data } of tensors) {
      const values = dtype === 'F32' ? data : float32ToBfloat16(data);
      await append(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
  });
}

function header(tensors: readonly NamedTensor[], dtype: 'F32' | 'BF16'): Uint8Array {
  const width = dtype === 'F32' ? 4 : 2;
  const entries = new Map<string, unknown>([['__metadata__', { format: 'pt' }]]);
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    const elements = shape.reduce((product, dimension) => product * dimension, 1);
    invariant(
      elements === data.length,
      `${name} [${shape.join(', ')}] holds ${data.length} values`,
    );
    invariant(!entries.has(name), `two tensors are named ${name}`);
    const end = offset + elements * width;
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
