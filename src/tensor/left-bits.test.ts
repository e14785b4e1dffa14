import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import type { LeftBits } from './emitter.ts';
import { exactLeftBits } from './left-bits.ts';
import { emitOnnx } from './onnx.ts';
import { loadOnnxRuntime } from './onnx-runtime.ts';
import * as ops from './ops.ts';

const [rows, columns, batch] = [32, 64, 5] as const;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-left-bits-'));
});
afterAll(() => rm(folder, { recursive: true }));

const rng = rngFromKey('left bits');
const integers = Int8Array.from({ length: rows * columns }, () => rng.integer(255) - 127);
const scales = Float32Array.from({ length: rows }, () => 0.5 + rng.next());
const a = Float32Array.from({ length: batch * columns }, () => rng.normal());

/** [columns, rows], as products with vectors of `columns` elements want it. */
const turned = Int8Array.from(
  { length: rows * columns },
  (_, i) => integers[(i % rows) * columns + Math.floor(i / rows)]!,
);

async function product(bits: LeftBits): Promise<Float32Array> {
  const file = join(folder, 'matrix');
  await writeFile(file, turned);
  const matrix = { file, rows, columns, scales, forward: 0, backward: 0 };
  const output = ops.storedProduct(ops.input('a', [batch, columns]), matrix);
  const model = join(folder, `${bits}.onnx`);
  await writeFile(model, emitOnnx({ output }, undefined, 'cpu', bits).bytes);
  const ort = await loadOnnxRuntime();
  const session = await ort.InferenceSession.create(model);
  const result = new ort.Tensor('float32', new Float32Array(batch * rows), [batch, rows]);
  await session.run({ a: new ort.Tensor('float32', a, [batch, columns]) }, { output: result });
  await session.release();
  return result.data as Float32Array;
}

/** Those that every processor bears, and the most that this one does. */
const bitsHere: readonly LeftBits[] = [7, (await exactLeftBits()) ?? 8];

/** What a number is rounded to, half a step of the last plane, as a share of the largest of its row. */
const rounding = { 8: 1 / (2 * 127 * 254), 7: 1 / (2 * 63 * 126 ** 2) } as const;

it.each([...new Set(bitsHere)])(
  'a product of integers in planes of %i bits is that of the numbers, but for the rounding of the last plane',
  async (bits) => {
    const found = await product(bits);
    found.forEach((value, i) => {
      const [m, n] = [Math.floor(i / rows), i % rows];
      const row = a.subarray(m * columns, (m + 1) * columns);
      const largest = Math.max(...row.map(Math.abs));
      let [sum, size, weights] = [0, 0, 0];
      for (const [k, x] of row.entries()) {
        const weight = integers[n * columns + k]! * scales[n]!;
        sum += x * weight;
        size += Math.abs(x * weight);
        weights += Math.abs(weight);
      }
      const bound = rounding[bits] * largest * weights + 1e-6 * size;
      expect(Math.abs(value - sum)).toBeLessThan(bound);
    });
  },
);
