/**
 * Parameters in flat buffers with a view per parameter. A model's are in two stores: those that training
 * changes, which steps and checkpoints work on, and those that stay as they were opened.
 */
import { join } from 'node:path';
import type { ModelConfig } from '../../../model/config.ts';
import { wholeFile } from '../../../model/files/safetensors.ts';
import { openWeights, type WeightNames } from '../../../model/files/weight-names.ts';
import { writeSafetensors } from '../../../model/files/write-safetensors.ts';
import { parameterSpecs, type TensorSpec } from '../../../model/parameters.ts';
import { readChecked, requireTensors } from './read-checked.ts';

export type ParameterBuffer = {
  readonly specs: readonly TensorSpec[];
  readonly flat: Float32Array;
  /** By parameter name; parts of `flat`, in the order of `specs`. */
  readonly views: Readonly<Record<string, Float32Array>>;
};

export function createParameterBuffer(specs: readonly TensorSpec[]): ParameterBuffer {
  const sizes = specs.map(({ shape }) => shape.reduce((product, dim) => product * dim, 1));
  const flat = new Float32Array(sizes.reduce((total, size) => total + size, 0));
  const views: Record<string, Float32Array> = {};
  let offset = 0;
  specs.forEach(({ name }, i) => {
    views[name] = flat.subarray(offset, offset + sizes[i]!);
    offset += sizes[i]!;
  });
  return { specs, flat, views };
}

export type ParameterStores = {
  readonly frozen: ParameterBuffer;
  readonly trained: ParameterBuffer;
  /** Of both, by parameter name. */
  readonly views: Readonly<Record<string, Float32Array>>;
};

/** @param isTrained tells by a parameter's name whether training changes it */
export function createStores(
  config: ModelConfig,
  isTrained: (name: string) => boolean,
): ParameterStores {
  const specs = parameterSpecs(config);
  const frozen = createParameterBuffer(specs.filter(({ name }) => !isTrained(name)));
  const trained = createParameterBuffer(specs.filter(({ name }) => isTrained(name)));
  return { frozen, trained, views: { ...frozen.views, ...trained.views } };
}

/**
 * Fills the buffer from a safetensors file or a (sharded) checkpoint directory, whatever names it has.
 * @param prefix put before every parameter name in the file.
 * @throws MedixError as {@link readChecked}
 */
export async function readParameters(
  buffer: ParameterBuffer,
  path: string,
  prefix = '',
): Promise<void> {
  const store = await openWeights(path);
  try {
    requireTensors(store, buffer.specs, prefix);
    for (const spec of buffer.specs) {
      await readChecked(store, spec, prefix, buffer.views[spec.name]!);
    }
  } finally {
    await store.close();
  }
}

/** Writes buffers into one file, each with its prefix before every name. */
export async function writeParameters(
  path: string,
  buffers: readonly (readonly [prefix: string, buffer: ParameterBuffer])[],
  dtype: 'F32' | 'BF16' = 'F32',
): Promise<void> {
  const tensors = buffers.flatMap(([prefix, { specs, views }]) =>
    specs.map(({ name, shape }) => ({ name: prefix + name, shape, data: views[name]! })),
  );
  await writeSafetensors(path, tensors, dtype);
}

/** The same buffer by the names of files. */
export function namedInFile(
  { specs, flat, views }: ParameterBuffer,
  { inFile }: WeightNames,
): ParameterBuffer {
  return {
    specs: specs.map(({ name, shape }) => ({ name: inFile(name), shape })),
    flat,
    views: Object.fromEntries(Object.entries(views).map(([name, view]) => [inFile(name), view])),
  };
}

export function weightsFile(directory: string): string {
  return join(directory, wholeFile);
}
