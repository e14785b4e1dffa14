/** Whether this processor multiplies 8-bit integers exactly. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail } from '../../../core/errors.ts';
import * as ops from '../../../tensor/ops.ts';
import { Program } from '../../../tensor/program.ts';
import { largestInteger } from '../../../tensor/stored-matrix.ts';

const [rows, columns, batch] = [64, 256, 96] as const;
const expected = largestInteger * columns;

/**
 * Multiplies the largest integers there are. Processors with AVX2 but without VNNI add pairs of products in
 * 16 bits, which are too few for them.
 */
export async function multipliesIntegersExactly(): Promise<boolean> {
  return (await productOfLargest()).every((value) => Math.abs(value - expected) <= 1e-3 * expected);
}

/** @throws MedixError 'engine' where this processor's products are wrong */
export async function requireExactIntegers(): Promise<void> {
  const wrong = (await productOfLargest()).find(
    (value) => !(Math.abs(value - expected) <= 1e-3 * expected),
  );
  if (wrong === undefined) return;
  fail('engine', {
    where: 'engine.base=int8',
    expected: 'a processor that multiplies 8-bit integers exactly (AVX2 alone does not)',
    got: `${wrong} for ${expected}`,
    next: 'use engine.base=f16 or f32',
  });
}

async function productOfLargest(): Promise<Float32Array> {
  const folder = await mkdtemp(join(tmpdir(), 'medix-self-test-'));
  try {
    const file = join(folder, 'matrix.bin');
    const scales = new Float32Array(rows).fill(1);
    const matrix = { file, rows, columns, scales, forward: 0, backward: 0 };
    const result = new Float32Array(batch * rows);
    await writeFile(file, new Uint8Array(rows * columns).fill(largestInteger));
    const a = ops.input('a', ['M', columns]);
    const program = await Program.compile({ result: ops.storedProduct(a, matrix) });
    await program.run({ a: new Float32Array(batch * columns).fill(1) }, { result }, { M: batch });
    await program.dispose();
    return result;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
