import { expect, it } from 'vitest';
import * as ops from './ops.ts';
import { Program } from './program.ts';

const a = ops.input('a', ['N']);
const b = ops.input('b', ['N']);

it('writes every result into the buffer given for it', async () => {
  const program = await Program.compile({ sum: ops.add(a, b), product: ops.multiply(a, b) });
  const results = { sum: new Float32Array(2), product: new Float32Array(2) };
  await program.run({ a: Float32Array.of(1, 2), b: Float32Array.of(3, 4) }, results, { N: 2 });
  expect([...results.sum]).toEqual([4, 6]);
  expect([...results.product]).toEqual([3, 8]);
  await program.dispose();
});

it('may write a result over the input it replaces', async () => {
  const program = await Program.compile({ sum: ops.add(a, b) });
  const total = Float32Array.of(1, 2);
  for (let run = 0; run < 3; run++) {
    await program.run({ a: total, b: Float32Array.of(1, 10) }, { sum: total }, { N: 2 });
  }
  expect([...total]).toEqual([4, 32]);
  await program.dispose();
});

it('reports what the runtime refuses', async () => {
  const rows = ops.gatherRows(ops.input('table', [2, 3]), ops.input('indices', ['N'], 'int32'));
  const program = await Program.compile({ rows });
  const values = { table: new Float32Array(6), indices: Int32Array.of(7) };
  const run = program.run(values, { rows: new Float32Array(3) }, { N: 1 });
  await expect(run).rejects.toThrow(/out of.*bounds/i);
  await program.dispose();
});

it('names a value that is missing', async () => {
  const program = await Program.compile({ sum: ops.add(a, b) });
  const run = program.run({ a: new Float32Array(1) }, { sum: new Float32Array(1) }, { N: 1 });
  await expect(run).rejects.toThrow('no value for b');
  await program.dispose();
});
