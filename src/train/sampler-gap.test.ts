import { expect, test } from 'vitest';
import { metricValues } from '../core/metrics.ts';
import { createSamplerGap } from './sampler-gap.ts';

const nothing = () => ({ loss: 0, gradients: [], metrics: {} });

test('sampler and trainer that agree have no gap and lose no token', () => {
  const gap = createSamplerGap();
  expect(gap.metrics()).toEqual({});
  const logprobs = Float32Array.of(-1, -2);
  const loss = gap.comparing(nothing, [{ samplerLogprobs: logprobs }]);
  loss([{ index: 0, policyLogprobs: logprobs }]);
  expect(metricValues(gap.metrics())).toEqual({
    'update/samplerGap': 0,
    'update/samplerGap/max': 0,
    'update/samplerGap/k3': 0,
    'update/samplerEss': 1,
  });
});

test('the gap is that of the policy before the first step, over all mini-batches', () => {
  const gap = createSamplerGap();
  const first = gap.comparing(nothing, [{ samplerLogprobs: Float32Array.of(-1) }]);
  first([{ index: 0, policyLogprobs: Float32Array.of(-0.5) }]);
  const known = { samplerLogprobs: Float32Array.of(-1), oldLogprobs: Float32Array.of(-2) };
  gap.comparing(nothing, [known])([{ index: 0, policyLogprobs: Float32Array.of(-9) }]);
  const weights = [Math.exp(0.5), Math.exp(-1)] as const;
  const values = metricValues(gap.metrics());
  expect(values).toEqual({
    'update/samplerGap': 0.75,
    'update/samplerGap/max': 1,
    'update/samplerGap/k3': expect.closeTo((weights[0] - 1.5 + weights[1]) / 2, 12),
    'update/samplerEss': expect.closeTo(
      (weights[0] + weights[1]) ** 2 / 2 / (weights[0] ** 2 + weights[1] ** 2),
      12,
    ),
  });
});
