/** A frozen base whose matrices are 8-bit integers in a file; norms, biases and small tables are in memory. */
import { join } from 'node:path';
import { defined } from '../../../core/errors.ts';
import type { ModelConfig } from '../../../model/config.ts';
import type { TensorStore } from '../../../model/files/safetensors.ts';
import { headName, tableName } from '../../../model/parameter-names.ts';
import { parameterSpecs } from '../../../model/parameters.ts';
import * as ops from '../../../tensor/ops.ts';
import type { Base } from './base.ts';
import { baseDigest } from './base-digest.ts';
import { type MatrixSpec, openIntegerMatrices } from './integer-file.ts';
import { readChecked, requireTensors } from './read-checked.ts';

/** Of the way in which matrices become integers; another one is another folder. */
const quantisation = 'int8-v1';

/**
 * Opens a checkpoint; its integers are made where the cache has none.
 *
 * @param cache folder for integers of all checkpoints
 * @throws MedixError 'model' as reading does; 'engine' where this processor cannot multiply integers exactly
 */
export async function openIntegerBase(
  config: ModelConfig,
  store: TensorStore,
  cache: string,
  onStart: () => void,
): Promise<Base> {
  const specs = parameterSpecs(config);
  const tableWeight = `${tableName(config.text)}.weight`;
  const shapes = new Map(specs.map(({ name, shape }) => [name, shape]));
  const head = `${headName(config.text)}.weight`;
  const isMatrix = (name: string, isLinear: boolean) => isLinear || name === head;
  requireTensors(store, specs);
  const digest = await baseDigest(store);
  const folder = join(cache, `${digest}-${quantisation}`);
  const wanted = specs
    .filter(({ name, isLinear }) => isMatrix(name, isLinear))
    .map(({ name, shape }): MatrixSpec => ({ name, shape: shape as MatrixSpec['shape'] }));
  const matrices = await openIntegerMatrices(folder, store, wanted, onStart);

  const values = new Map<string, Float32Array>();
  for (const { name, shape, isLinear } of specs) {
    // Rows of the token table are read as they are needed.
    if (isMatrix(name, isLinear) || name === tableWeight) continue;
    values.set(name, await readChecked(store, { name, shape }));
  }
  const width = config.text.hiddenSize;
  return {
    config,
    format: 'int8',
    digest,
    parameters: specs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    shapeOf: (name) => shapes.get(name),
    product: (x, layer) =>
      ops.storedProduct(x, defined(matrices.get(`${layer}.weight`), `matrix of ${layer}`)),
    value: (name) => defined(values.get(name), name),
    isFed: false,
    embed: async (tokens, into) => {
      const rows = Array.from(tokens, (token) =>
        store.readSlice(tableWeight, token * width, width),
      );
      (await Promise.all(rows)).forEach((row, i) => {
        into.set(row, i * width);
      });
    },
    close: () => store.close(),
  };
}
