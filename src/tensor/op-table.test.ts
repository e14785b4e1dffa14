import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { messageOf } from '../core/errors.ts';
import { rngFromKey } from '../core/rng.ts';
import { requireDevice } from '../engine/local/require-device.ts';
import { float16ToFloat32, float32ToFloat16 } from '../model/files/half-floats.ts';
import type { Device } from './device.ts';
import { type Bindings, dimValue, shapeValue } from './dim.ts';
import { gradientsOf } from './gradient.ts';
import { interpret } from './interpret.fixture.ts';
import { type Node, topologicalOrder } from './node.ts';
import { emitOnnx } from './onnx.ts';
import { loadOnnxRuntime } from './onnx-runtime.ts';
import type { OpKind } from './op-attributes.ts';
import { opTable } from './op-table.ts';
import * as ops from './ops.ts';
import { Program } from './program.ts';
import type { StoredMatrix } from './stored-matrix.ts';

const bindings: Bindings = { M: 3, N: 4 };
const x = ops.input('x', ['M', 4]);
const y = ops.input('y', ['M', 4]);
const row = ops.input('row', [4]);
const bias = ops.input('bias', [4]);
const positive = ops.exp(ops.scale(x, 0.3));
const cube = ops.input('cube', [2, 'M', 4]);
const heads = ops.input('heads', ['M', 2, 4]);
const cosines = ops.input('cosines', ['M', 2]);
const sines = ops.input('sines', ['M', 2]);
const vector = ops.input('vector', ['M']);
const indices = ops.input('indices', ['M'], 'int32');
const places = ops.input('places', ['M'], 'int32');
const inverse = ops.input('inverse', ['M'], 'int32');

const folder = mkdtempSync(join(tmpdir(), 'medix-op-table-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A matrix [6, 4] in a file, in both orientations. */
function storedMatrix(): StoredMatrix {
  const [rows, columns] = [6, 4];
  const rng = rngFromKey('stored matrix');
  const integers = Int8Array.from({ length: rows * columns }, () => 254 * rng.next() - 127);
  const turned = integers.map((_, i) => integers[(i % rows) * columns + Math.floor(i / rows)]!);
  const file = join(folder, 'matrix.bin');
  writeFileSync(file, Buffer.concat([Buffer.from(turned), Buffer.from(integers)]));
  const scales = Float32Array.from({ length: rows }, () => 0.01 * (1 + rng.next()));
  return { file, rows, columns, scales, forward: 0, backward: rows * columns };
}
const matrix = storedMatrix();
const wide = ops.input('wide', ['M', 6]);
const half = ops.input('half', ['M', 4], 'float16');

/** Integers are exact, what they are multiplied with has 15 bits; all else is float32. */
const tolerances: Partial<Record<OpKind, number>> = { storedProduct: 3e-4 };

/** One or more graphs per op, in which that op acts on random input. Every op must have a case. */
const cases: { readonly [K in OpKind]: readonly Node[] } = {
  input: [x],
  constant: [ops.add(x, ops.constant(1.5))],
  add: [ops.add(x, y), ops.add(x, row), ops.add(row, x)],
  subtract: [ops.subtract(x, y), ops.subtract(row, x)],
  multiply: [ops.multiply(x, y), ops.multiply(x, row)],
  divide: [ops.divide(x, positive), ops.divide(row, positive)],
  exp: [ops.exp(x)],
  sqrt: [ops.sqrt(positive)],
  tanh: [ops.tanh(x)],
  erf: [ops.erf(x), ops.erf(ops.scale(x, 4))],
  sigmoid: [ops.sigmoid(x)],
  silu: [ops.silu(x)],
  gelu: [ops.gelu(x, 'none'), ops.gelu(x, 'tanh')],
  sum: [ops.sum(cube, [1]), ops.sum(cube, [0, 2])],
  expand: [ops.expand(row, ['M', 4]), ops.expand(ops.sum(x, [0]), ['M', 4])],
  widen: [ops.multiply(ops.widen(half), x)],
  storedProduct: [ops.storedProduct(x, matrix), ops.storedProduct(wide, matrix, true)],
  matmul: [false, true].flatMap((transposeA) =>
    [false, true].flatMap((transposeB) => {
      const square = ops.matmul(x, y, { transposeA: true });
      const a = transposeA ? ops.transpose(x, [1, 0]) : x;
      const options = { transposeA, transposeB };
      return [
        ops.matmul(a, square, options),
        ops.matmul(transposeA ? ops.transpose(cube, [0, 2, 1]) : cube, square, options),
        ops.matmul(
          transposeA ? ops.transpose(cube, [0, 2, 1]) : cube,
          transposeB ? cube : ops.transpose(cube, [0, 2, 1]),
          options,
        ),
      ];
    }),
  ),
  reshape: [ops.reshape(cube, ['2*M', 4]), ops.reshape(x, ['M', 2, 2])],
  transpose: [ops.transpose(cube, [2, 0, 1])],
  slice: [ops.slice(x, 1, 1, 2), ops.slice(ops.concat([x, y], 0), 0, 'M', 'M')],
  pad: [ops.pad(x, 1, 1, 2), ops.pad(x, 0, 'M', 'N')],
  concat: [ops.concat([x, y, x], 0), ops.concat([x, y], 1)],
  rotateHalf: [ops.rotateHalf(cube)],
  rotate: [ops.rotate(heads, cosines, sines), ops.rotate(heads, cosines, sines, true)],
  gatherRows: [ops.gatherRows(x, indices)],
  placeRows: [ops.placeRows(x, places, inverse)],
  scatterAddRows: [ops.scatterAddRows(x, indices, 5)],
  softmax: [ops.softmax(cube)],
  logSoftmax: [ops.logSoftmax(cube)],
  tokenLogprobs: [ops.tokenLogprobs(x, indices)],
  addAtTokens: [ops.addAtTokens(x, vector, indices)],
  rmsNorm: [ops.rmsNorm(cube, row, 1e-6)],
  layerNorm: [ops.layerNorm(cube, row, bias, 1e-6)],
};

const integers: Readonly<Record<string, readonly number[]>> = {
  indices: [2, 0, 2],
  places: [2, 0, 3],
  inverse: [0, 1, 3],
};

type Inputs = Record<string, Float32Array | Int32Array | Uint16Array>;

function randomInputs(graph: readonly Node[]): Inputs {
  const values: Inputs = {};
  for (const node of topologicalOrder(graph)) {
    if (node.kind !== 'input') continue;
    const { name, dataType } = node.attributes;
    const size = shapeValue(node.shape, bindings).reduce((a, b) => a * b, 1);
    const rng = rngFromKey(name);
    const normals = Float32Array.from({ length: size }, () => rng.normal());
    if (dataType === 'int32') values[name] = Int32Array.from(integers[name] ?? []);
    else values[name] = dataType === 'float16' ? float32ToFloat16(normals) : normals;
  }
  return values;
}

/** Bits of float16 as numbers, for the interpreter. */
function asNumbers(values: Inputs): Record<string, ArrayLike<number>> {
  const numbers = Object.entries(values).map(
    ([name, value]) =>
      [name, value instanceof Uint16Array ? float16ToFloat32(value) : value] as const,
  );
  return Object.fromEntries(numbers);
}

async function runOnnx(output: Node, values: Inputs, device: Device = 'cpu') {
  const program = await Program.compile({ output }, undefined, { device });
  const result = new Float32Array(program.resultSizes(bindings).get('output') ?? 0);
  await program.run(values, { output: result }, bindings);
  await program.dispose();
  return result;
}

describe.each(Object.keys(cases) as OpKind[])('op %s', (kind) => {
  const graphs = cases[kind];
  const tolerance = tolerances[kind] ?? 1e-5;

  it('has a case in which it occurs', () => {
    expect(graphs.length).toBeGreaterThan(0);
    expect(topologicalOrder(graphs).some((node) => node.kind === kind)).toBe(true);
  });

  it.each(graphs.map((graph, i) => [i, graph] as const))(
    'gives the same in ONNX Runtime as in the interpreter (case %i)',
    async (_, graph) => {
      const values = randomInputs([graph]);
      const expected = interpret([graph], asNumbers(values), bindings)[0]!;
      const actual = await runOnnx(graph, values);
      expect(actual.length).toBe(expected.data.length);
      actual.forEach((value, i) => {
        expect(Math.abs(value - expected.data[i]!)).toBeLessThan(tolerance * (1 + Math.abs(value)));
      });
    },
  );

  it.each(graphs.map((graph, i) => [i, graph] as const))(
    'has the gradient that central differences give, interpreted and in ONNX Runtime (case %i)',
    async (_, graph) => {
      const variables = topologicalOrder([graph]).filter(
        (node) => node.kind === 'input' && node.attributes.dataType === 'float32',
      );
      const seed = ops.input('seed', graph.shape);
      const gradients = gradientsOf([{ output: graph, seed }], variables);
      const values = randomInputs([graph, seed]);
      const numbers = asNumbers(values);
      const analytic = interpret(gradients, numbers, bindings);
      for (const [v, variable] of variables.entries()) {
        const name = variable.kind === 'input' ? variable.attributes.name : '';
        const numeric = centralDifferences(graph, name, numbers);
        const onnx = await runOnnx(gradients[v]!, values);
        analytic[v]!.data.forEach((value, i) => {
          expect(Math.abs(value - numeric[i]!)).toBeLessThan(1e-6 * (1 + Math.abs(value)));
          expect(Math.abs(onnx[i]! - value)).toBeLessThan(2 * tolerance * (1 + Math.abs(value)));
        });
      }
    },
  );
});

function centralDifferences(
  graph: Node,
  name: string,
  values: Record<string, ArrayLike<number>>,
): number[] {
  const seed = values['seed']!;
  const objective = (data: Float64Array) =>
    interpret([graph], { ...values, [name]: data }, bindings)[0]!.data.reduce(
      (total, value, i) => total + value * seed[i]!,
      0,
    );
  const step = 1e-5;
  return Array.from(values[name]!, (_, i) => {
    const moved = (delta: number) => {
      const data = Float64Array.from(values[name]!);
      data[i] = data[i]! + delta;
      return objective(data);
    };
    return (moved(step) - moved(-step)) / (2 * step);
  });
}

it('adds up every update when many rows meet in one', async () => {
  const rows = 4096;
  const updates = new Float32Array(rows * 64).fill(1);
  const indices = Int32Array.from({ length: rows }, (_, i) => i % 2);
  const updatesNode = ops.input('updates', ['R', 64]);
  const graph = ops.scatterAddRows(updatesNode, ops.input('indices', ['R'], 'int32'), 2);
  const program = await Program.compile({ output: graph });
  for (let repeat = 0; repeat < 10; repeat++) {
    const output = new Float32Array(2 * 64);
    await program.run({ updates, indices }, { output }, { R: rows });
    expect(output.every((value) => value === rows / 2)).toBe(true);
  }
  await program.dispose();
});

/** ONNX ops that a graphics device may leave to the processor: shapes, and the end of every model. */
const onProcessor = ['Concat', 'SequenceEmpty', 'Shape', 'MemcpyToHost', 'MemcpyFromHost'];

const whyNoCard = (needsFloat16: boolean) =>
  requireDevice('webgpu', needsFloat16).then(() => undefined, messageOf);
const noCard = await whyNoCard(false);
const leftOut: readonly OpKind[] = [
  // The config refuses 8-bit integers on a graphics device.
  'storedProduct',
  ...((await whyNoCard(true)) === undefined ? [] : (['widen'] as const)),
];
const onCard = (Object.keys(cases) as OpKind[]).filter((kind) => !leftOut.includes(kind));

describe.skipIf(noCard !== undefined)(
  `on a graphics device${noCard === undefined ? '' : ` (${noCard})`}`,
  () => {
    it.each(onCard)(
      'op %s gives the same as the interpreter, and so does its gradient',
      async (kind) => {
        for (const graph of cases[kind]) {
          const variables = topologicalOrder([graph]).filter(
            (node) => node.kind === 'input' && node.attributes.dataType === 'float32',
          );
          const seed = ops.input('seed', graph.shape);
          const nodes = [graph, ...gradientsOf([{ output: graph, seed }], variables)];
          const values = randomInputs([graph, seed]);
          for (const [i, expected] of interpret(nodes, asNumbers(values), bindings).entries()) {
            const actual = await runOnnx(nodes[i]!, values, 'webgpu');
            actual.forEach((value, j) => {
              expect(Math.abs(value - expected.data[j]!)).toBeLessThan(
                2e-5 * (1 + Math.abs(value)),
              );
            });
          }
        }
      },
    );

    it('computes everything there but shapes', async () => {
      const graphs = onCard.flatMap((kind) => cases[kind]);
      const outputs = Object.fromEntries(graphs.map((graph, i) => [`output${i}`, graph]));
      const { bytes, inputs, dims } = emitOnnx(outputs, new Map(), 'webgpu');
      const ort = await loadOnnxRuntime();
      const session = await ort.InferenceSession.create(bytes, {
        executionProviders: ['webgpu'],
        enableProfiling: true,
        profileFilePrefix: join(folder, 'profile'),
        logSeverityLevel: 3,
      });
      const values = randomInputs(graphs);
      const feeds = [
        ...inputs.map(({ name, dataType, shape }) => [
          name,
          new ort.Tensor(dataType, values[name]!, shapeValue(shape, bindings)),
        ]),
        ...dims.map((dim) => [
          `dim:${dim}`,
          new ort.Tensor('int64', BigInt64Array.of(BigInt(dimValue(dim, bindings))), [1]),
        ]),
      ];
      await session.run(Object.fromEntries(feeds), Object.keys(outputs));
      session.endProfiling();
      await session.release();
      const [profile] = readdirSync(folder).filter((name) => name.startsWith('profile'));
      const events: { args?: { op_name?: string; provider?: string } }[] = JSON.parse(
        readFileSync(join(folder, profile!), 'utf8'),
      );
      const elsewhere = events
        .filter(({ args }) => args?.provider === 'CPUExecutionProvider')
        .map(({ args }) => args?.op_name);
      expect(elsewhere).not.toEqual([]);
      expect(elsewhere.filter((op) => !onProcessor.includes(op ?? ''))).toEqual([]);
    });
  },
);

it('lists exactly the ops of the table', () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(opTable).sort());
});
