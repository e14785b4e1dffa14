import { expect, it } from 'vitest';
import { metricValues } from '../core/metrics.ts';
import { crossEntropyLoss } from './cross-entropy.ts';

const first = { index: 0, policyLogprobs: new Float32Array([-1, -2, -3]) };
const second = { index: 1, policyLogprobs: new Float32Array([-6]) };

it('is the mean over all tokens, with the same gradient on each', () => {
  const part = crossEntropyLoss([3, 1])([first, second]);
  expect(part.loss).toBe(3);
  expect(part.gradients.map((row) => [...row])).toEqual([[-0.25, -0.25, -0.25], [-0.25]]);
  expect(metricValues(part.metrics)).toEqual({ 'sft/loss': 3 });
});

it('adds up over micro-batches', () => {
  const loss = crossEntropyLoss([3, 1]);
  expect(loss([first]).loss + loss([second]).loss).toBe(3);
});
