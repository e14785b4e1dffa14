import { invariant } from '../core/errors.ts';
import type { Loss, LossInput, LossPart } from '../engine/engine.ts';

/**
 * The loss of supervised fine-tuning: minus the mean logprob of the demonstrated tokens, over all tokens
 * of the call. `lengths[i]` is the number of tokens of the completion with index i; at least one token in
 * all. The metric sft/loss is the same mean.
 */
export function crossEntropyLoss(lengths: readonly number[]): Loss {
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  invariant(tokens > 0, 'cross entropy over no tokens');
  const fixedGradient = (_index: number, count: number) =>
    new Float32Array(count).fill(-1 / tokens);
  const loss = (inputs: readonly LossInput[]): LossPart => {
    let sum = 0;
    let count = 0;
    const gradients = inputs.map(({ index, policyLogprobs }) => {
      invariant(policyLogprobs.length === lengths[index], 'a logprob for every token');
      for (const logprob of policyLogprobs) sum -= logprob;
      count += policyLogprobs.length;
      return fixedGradient(index, policyLogprobs.length);
    });
    return { loss: sum / tokens, gradients, metrics: { 'sft/loss': { sum, count } } };
  };
  return Object.assign(loss, { fixedGradient });
}
