/** Tensors of a checkpoint as a network needs them: of the right shape, and numbers all of them. */
import { fail } from '../../../core/errors.ts';
import type { TensorStore } from '../../../model/files/safetensors.ts';

/**
 * @returns the whole tensor in float32
 * @throws MedixError 'model' where it is missing, of another shape, or holds NaN or infinity
 */
export async function readChecked(
  store: TensorStore,
  name: string,
  shape: readonly number[],
): Promise<Float32Array> {
  requireShape(store, name, shape);
  const values = await store.read(name);
  requireFinite(values, name);
  return values;
}

export function requireShape(store: TensorStore, name: string, shape: readonly number[]): void {
  const found = store.tensors.get(name);
  if (found?.shape.join() === shape.join()) return;
  fail('model', {
    where: name,
    expected: `shape [${shape.join(', ')}]`,
    got: found === undefined ? 'no such tensor' : `[${found.shape.join(', ')}]`,
    next: 'use the weight files that belong to this config.json',
  });
}

export function requireFinite(values: Float32Array, name: string): void {
  // A sum of x·0 is NaN where any x is none or infinite.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
  if (sum === 0) return;
  const at = values.findIndex((value) => !Number.isFinite(value));
  fail('model', {
    where: name,
    expected: 'finite numbers',
    got: `${values[at]} at element ${at}`,
    next: 'the checkpoint is damaged, or training has diverged before it was written: use another',
  });
}
