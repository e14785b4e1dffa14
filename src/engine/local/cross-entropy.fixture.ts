/** Test support: loss −Σ logprob of a batch and its gradient, without an engine around it. */
import type { UpdateBatch } from './batch.ts';
import type { Programs } from './programs.ts';
import { createParameterBuffer, type ParameterBuffer } from './weights.ts';

export async function crossEntropy(
  programs: Programs,
  weights: ParameterBuffer,
  batch: UpdateBatch,
) {
  const { forward, backward, trained } = await programs.update(batch.images);
  const values = { ...weights.views, ...batch.values };
  const results: Record<string, Float32Array> = {};
  for (const [name, size] of forward.resultSizes(batch.bindings)) {
    results[name] = new Float32Array(size);
  }
  await forward.run(values, results, batch.bindings);
  const logprobs = results['logprobs']!;
  const { views } = createParameterBuffer(weights.specs);
  const named = (prefix: string) =>
    Object.fromEntries(trained.map((name) => [`${prefix}:${name}`, views[name]!]));
  await backward.run(
    {
      ...values,
      ...results,
      ...named('accumulated'),
      outputGradient: new Float32Array(logprobs.length).fill(-1),
    },
    named('gradient'),
    batch.bindings,
  );
  return { loss: -logprobs.reduce((total, value) => total + value, 0), views };
}
