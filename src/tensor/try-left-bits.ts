/** Whether the processor's products of unsigned and signed bytes are exact, by one that overflows 16 bits. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LeftBits } from './emitter.ts';
import { emitOnnx } from './onnx.ts';
import { loadOnnxRuntime } from './onnx-runtime.ts';
import * as ops from './ops.ts';
import { largestInteger } from './stored-matrix.ts';

const width = 64;

export async function tryLeftBits(): Promise<LeftBits> {
  const folder = await mkdtemp(join(tmpdir(), 'medix-product-'));
  try {
    const file = join(folder, 'matrix');
    await writeFile(file, new Int8Array(width * width).fill(largestInteger));
    const scales = new Float32Array(width).fill(1);
    const matrix = { file, rows: width, columns: width, scales, forward: 0, backward: 0 };
    const output = ops.storedProduct(ops.input('a', [1, width]), matrix, false);
    const { bytes } = emitOnnx({ output });
    const model = join(folder, 'product.onnx');
    await writeFile(model, bytes);
    const ort = await loadOnnxRuntime();
    const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
    const a = new ort.Tensor('float32', new Float32Array(width).fill(1), [1, width]);
    const result = new ort.Tensor('float32', new Float32Array(width), [1, width]);
    // The first result, which cannot be handed back, is not asked for.
    await session.run({ a }, { output: result });
    await session.release();
    const [sum = 0] = result.data as Float32Array;
    return Math.abs(sum - width * largestInteger) < 1 ? 8 : 7;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
