/** What this processor multiplies exactly, tried out with the largest integers there are. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import type { LeftBits } from './emitter.ts';
import { emitOnnx } from './onnx.ts';
import { loadOnnxRuntime } from './onnx-runtime.ts';
import * as ops from './ops.ts';
import { largestInteger } from './stored-matrix.ts';

/** Large enough for the kernels that real sizes meet. */
const [rows, columns, batch] = [64, 256, 96] as const;
const expected = largestInteger * columns;

let known: Promise<LeftBits | undefined> | undefined;

/** The most bits of a plane for which products of stored matrices are exact; undefined where there are none. */
export function exactLeftBits(): Promise<LeftBits | undefined> {
  known ??= tryLeftBits();
  return known;
}

/** @throws MedixError 'engine' where this processor's products are wrong whatever the bits */
export async function requireLeftBits(): Promise<LeftBits> {
  return (
    (await exactLeftBits()) ??
    fail('engine', {
      where: 'engine.base=int8',
      expected: 'a processor that multiplies 8-bit integers exactly',
      got: 'one whose products are wrong',
      next: 'use engine.base=f16 or f32',
    })
  );
}

async function tryLeftBits(): Promise<LeftBits | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'medix-products-'));
  try {
    const file = join(folder, 'matrix');
    await writeFile(file, new Int8Array(rows * columns).fill(largestInteger));
    for (const bits of [8, 7] as const) {
      const products = await productsOf(file, folder, bits);
      if (products.every((value) => Math.abs(value - expected) <= 1e-3 * expected)) return bits;
    }
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function productsOf(file: string, folder: string, bits: LeftBits): Promise<Float32Array> {
  const scales = new Float32Array(rows).fill(1);
  const matrix = { file, rows, columns, scales, forward: 0, backward: 0 };
  const output = ops.storedProduct(ops.input('a', [batch, columns]), matrix);
  const model = join(folder, `${bits}.onnx`);
  await writeFile(model, emitOnnx({ output }, undefined, 'cpu', bits).bytes);
  const ort = await loadOnnxRuntime();
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const a = new ort.Tensor('float32', new Float32Array(batch * columns).fill(1), [batch, columns]);
  const result = new ort.Tensor('float32', new Float32Array(batch * rows), [batch, rows]);
  // Only this result is asked for: the model's first one cannot be handed back.
  await session.run({ a }, { output: result });
  await session.release();
  return result.data as Float32Array;
}
