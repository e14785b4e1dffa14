/** Test support: loss −Σ logprob of a batch and its gradient, without an engine around it. */
import type { UpdateBatch } from '../batch.ts';
import type { Network } from '../network.ts';
import { createParameterBuffer } from '../weights/parameter-buffer.ts';

export async function crossEntropy(network: Network, batch: UpdateBatch) {
  const gradient = createParameterBuffer(network.trained.specs);
  let loss = 0;
  await network.accumulate(
    batch,
    {
      movesEntropies: false,
      gradients: ({ logprobs }) => {
        loss = -logprobs.reduce((total, value) => total + value, 0);
        return { logprobs: new Float32Array(logprobs.length).fill(-1) };
      },
    },
    gradient,
    new AbortController().signal,
    'cross entropy',
  );
  return { loss, views: gradient.views };
}
