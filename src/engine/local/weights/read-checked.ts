/** Tensors of a checkpoint as a network needs them: of the right shape, and numbers all of them. */
import { fail } from '../../../core/errors.ts';
import { areFinite } from '../../../model/files/half-floats.ts';
import { requireReadType, type TensorStore } from '../../../model/files/safetensors.ts';
import type { TensorSpec } from '../../../model/parameters.ts';

/**
 * Compares types and shapes with a checkpoint's headers, before memory is taken for what a config only says.
 * @throws MedixError 'model' where a tensor is absent, has another shape, or a type that is not read.
 */
export function requireTensors(
  store: TensorStore,
  specs: readonly TensorSpec[],
  prefix = '',
): void {
  for (const { name, shape } of specs) {
    const found = store.tensors.get(prefix + name);
    const where = `${store.path}: ${store.nameInFile(prefix + name)}`;
    // First: packed integers have other shapes, too.
    if (found) requireReadType(where, found.dtype);
    if (found?.shape.join() === shape.join()) continue;
    fail('model', {
      where,
      expected: `shape [${shape.join(', ')}]`,
      got: found === undefined ? 'no such tensor' : `[${found.shape.join(', ')}]`,
      next: 'use the weight files that belong to this config.json',
    });
  }
}

/**
 * @param prefix put before the name in the file
 * @param into as long as the tensor. @default a new one
 * @returns the whole tensor in float32
 * @throws MedixError 'model' where it holds NaN or infinity
 */
export async function readChecked(
  store: TensorStore,
  { name, shape }: TensorSpec,
  prefix = '',
  into: Float32Array = new Float32Array(shape.reduce((product, size) => product * size, 1)),
): Promise<Float32Array> {
  const allFinite = await store.readInto(prefix + name, into);
  if (!allFinite) requireFinite(into, `${store.path}: ${store.nameInFile(prefix + name)}`);
  return into;
}

/**
 * Refuses weights of which no answer can come; a single one makes every logprob that it reaches a NaN.
 * @throws MedixError 'model' that says how many of the values are no numbers
 */
export function requireFinite(values: Float32Array, where: string): void {
  if (areFinite(values)) return;
  const bad = values.filter((value) => !Number.isFinite(value));
  fail('model', {
    where,
    expected: 'weights that are finite numbers',
    got: `${bad[0]} (${bad.length} of ${values.length} values are NaN or infinite)`,
    next: 'the training that wrote them diverged, or the file is damaged: use an earlier checkpoint, or download or export it again',
  });
}
