/**
 * Parameters in flat buffers with a view per parameter. A model's are in two stores: those that training
 * changes, which steps and checkpoints work on, and those that stay as they were opened.
 */
import { join } from 'node:path';
import { fail } from '../../core/errors.ts';
import type { ModelConfig } from '../../model/config.ts';
import { openSafetensors, type TensorStore } from '../../model/files/safetensors.ts';
import { writeSafetensors } from '../../model/files/write-safetensors.ts';
import { type ParameterSpec, parameterSpecs } from '../../model/parameters.ts';

export type ParameterBuffer = {
  readonly specs: readonly ParameterSpec[];
  readonly flat: Float32Array;
  /** By parameter name; parts of `flat`, in the order of `specs`. */
  readonly views: Readonly<Record<string, Float32Array>>;
};

export function createParameterBuffer(specs: readonly ParameterSpec[]): ParameterBuffer {
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
 * Compares shapes with a checkpoint's headers, before memory is taken for what a config only says.
 * @throws MedixError where a tensor is absent or has another shape.
 */
export async function requireTensors(specs: readonly ParameterSpec[], path: string): Promise<void> {
  const store = await openSafetensors(path);
  try {
    for (const spec of specs) requireShape(store, spec, path, '');
  } finally {
    await store.close();
  }
}

function requireShape(
  store: TensorStore,
  { name, shape }: ParameterSpec,
  path: string,
  prefix: string,
): void {
  const found = store.tensors.get(prefix + name);
  if (found?.shape.join() === shape.join()) return;
  fail('model', {
    where: `${path}: ${prefix}${name}`,
    expected: `shape [${shape.join(', ')}]`,
    got: found === undefined ? 'no such tensor' : `[${found.shape.join(', ')}]`,
    next: 'use the weight files that belong to this config.json',
  });
}

/**
 * Fills the buffer from a safetensors file or a (sharded) checkpoint directory.
 * @param prefix put before every parameter name in the file.
 * @throws MedixError where a tensor is absent or has another shape.
 */
export async function readParameters(
  buffer: ParameterBuffer,
  path: string,
  prefix = '',
): Promise<void> {
  const store = await openSafetensors(path);
  try {
    for (const spec of buffer.specs) {
      requireShape(store, spec, path, prefix);
      buffer.views[spec.name]!.set(await store.read(prefix + spec.name));
    }
  } finally {
    await store.close();
  }
}

/**
 * Refuses weights of which no answer can come; a single one makes every logprob it reaches a NaN.
 * @param path where they were read from
 * @throws MedixError that names the first such tensor, and how many of its values are no numbers
 */
export function requireFinite({ views }: ParameterBuffer, path: string): void {
  for (const [name, values] of Object.entries(views)) {
    // NaN and infinities alone do not cancel out; one pass without a branch per value.
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
    if (sum === 0) continue;
    const bad = values.filter((value) => !Number.isFinite(value));
    fail('model', {
      where: `${path}: ${name}`,
      expected: 'weights that are finite numbers',
      got: `${bad[0]} (${bad.length} of ${values.length} values are NaN or infinite)`,
      next: 'the training that wrote them diverged, or the file is damaged: use an earlier checkpoint, or download or export it again',
    });
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

export function weightsFile(directory: string): string {
  return join(directory, 'model.safetensors');
}
