/** Tells checkpoints apart without reading them whole. */
import { createDigest } from '../../../core/digest.ts';
import type { TensorStore } from '../../../model/files/safetensors.ts';

const sampleBytes = 4096;

/**
 * Of names, types and shapes of all tensors, and of the beginning, the middle and the end of each. Training
 * changes all of a tensor, so that two checkpoints of one model differ there; where the tensors lie (in how
 * many files) makes no difference.
 */
export async function baseDigest(store: TensorStore): Promise<string> {
  const hash = createDigest();
  for (const [name, { dtype, shape, byteLength }] of [...store.tensors].sort(([a], [b]) =>
    a < b ? -1 : 1,
  )) {
    hash.update(JSON.stringify([name, dtype, shape]));
    for (const start of [0, Math.floor(byteLength / 2), byteLength - sampleBytes]) {
      hash.update(await store.readBytes(name, Math.max(0, start), sampleBytes));
    }
  }
  return hash.digest('hex');
}
