/** Whether this processor multiplies 8-bit integers exactly. */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../../../core/errors.ts';
import * as ops from '../../../tensor/ops.ts';
import { Program } from '../../../tensor/program.ts';
import { largestInteger } from '../../../tensor/stored-matrix.ts';

const [rows, columns, batch] = [64, 256, 96] as const;

/**
 * Multiplies the largest integers there are. Processors with AVX2 but without VNNI add pairs of products in
 * 16 bits, which are too few for them.
 *
 * @param folder where a small file may be written for the time of the test
 * @throws MedixError 'engine' where the product is wrong
 */
export async function requireExactIntegers(folder: string): Promise<void> {
  const file = join(folder, `self-test-${randomUUID()}.bin`);
  const a = ops.input('a', ['M', columns]);
  const matrix = {
    file,
    rows,
    columns,
    scales: new Float32Array(rows).fill(1),
    forward: 0,
    backward: 0,
  };
  const result = new Float32Array(batch * rows);
  try {
    await writeFile(file, new Uint8Array(rows * columns).fill(largestInteger));
    const program = await Program.compile({ result: ops.storedProduct(a, matrix) });
    await program.run({ a: new Float32Array(batch * columns).fill(1) }, { result }, { M: batch });
    await program.dispose();
  } finally {
    await rm(file, { force: true });
  }
  const expected = largestInteger * columns;
  const wrong = result.find((value) => Math.abs(value - expected) > 1e-3 * expected);
  if (wrong === undefined) return;
  fail('engine', {
    where: 'engine.base=int8',
    expected: 'a processor that multiplies 8-bit integers exactly (AVX2 alone does not)',
    got: `${wrong} for ${expected}`,
    next: 'use engine.base=f16 or f32',
  });
}
