/** A frozen base in memory, in float32, or with its matrices and token table in float16. */
import { fail } from '../../../core/errors.ts';
import type { ModelConfig } from '../../../model/config.ts';
import { float16ToFloat32 } from '../../../model/files/half-floats.ts';
import type { TensorStore } from '../../../model/files/safetensors.ts';
import { tableName } from '../../../model/parameter-names.ts';
import { parameterSpecs, type TensorSpec } from '../../../model/parameters.ts';
import * as ops from '../../../tensor/ops.ts';
import type { Base } from './base.ts';
import { baseDigest } from './base-digest.ts';
import { readChecked, requireTensors } from './read-checked.ts';

/**
 * Reads a checkpoint.
 * @throws MedixError 'model' where a tensor is missing, of another shape, or holds NaN or infinity; 'engine'
 *   where float16 cannot hold a value.
 */
export async function loadBase(
  format: 'f32' | 'f16',
  config: ModelConfig,
  store: TensorStore,
): Promise<Base> {
  const specs = parameterSpecs(config);
  const tableWeight = `${tableName(config.text)}.weight`;
  const shapes = new Map(specs.map(({ name, shape }) => [name, shape]));
  const values = new Map<string, Float32Array | Uint16Array>();
  let parameters = 0;
  requireTensors(store, specs);
  for (const { name, shape, isLinear } of specs) {
    const isHalf = format === 'f16' && (isLinear || name === tableWeight);
    const spec = { name, shape };
    const read = isHalf ? await readHalves(store, spec) : await readChecked(store, spec);
    values.set(name, read);
    parameters += read.length;
  }
  const table = values.get(tableWeight)!;
  const width = config.text.hiddenSize;
  return {
    config,
    format,
    digest: await baseDigest(store),
    parameters,
    shapeOf: (name) => shapes.get(name),
    product: (x, layer, input) => {
      const name = `${layer}.weight`;
      if (format === 'f32') return ops.linear(x, input(name));
      return ops.linear(x, ops.widen(input(name, 'float16')));
    },
    value: (name) => values.get(name)!,
    isFed: true,
    embed: async (tokens, into) => {
      tokens.forEach((token, i) => {
        const row = table.subarray(token * width, (token + 1) * width);
        into.set(row instanceof Uint16Array ? float16ToFloat32(row) : row, i * width);
      });
    },
    close: () => store.close(),
  };
}

async function readHalves(store: TensorStore, spec: TensorSpec): Promise<Uint16Array> {
  const { name, shape } = spec;
  const halves = new Uint16Array(shape.reduce((product, size) => product * size, 1));
  if (await store.readHalvesInto(name, halves)) return halves;
  // Tells NaN and infinity, if these are what it holds.
  await readChecked(store, spec);
  return fail('engine', {
    where: `engine.base=f16: ${name}`,
    expected: 'weights of at most 65504, the largest float16',
    got: 'a larger one',
    next: 'use engine.base=f32 or int8',
  });
}
