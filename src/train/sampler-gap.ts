/** How far apart sampler and trainer are, over the tokens of an iteration. */
import { defined } from '../core/errors.ts';
import { type Metrics, meanOf } from '../core/metrics.ts';
import type { Loss, LossInput } from '../engine/engine.ts';

type Compared = {
  readonly samplerLogprobs: Float32Array;
  /** Absent in the first step, whose own pass tells them. */
  readonly oldLogprobs?: Float32Array;
};

export type SamplerGap = {
  /** The loss, which also compares; `rollouts[i]` belongs to the input with index i. */
  comparing(loss: Loss, rollouts: readonly Compared[]): Loss;
  /**
   * With d = trainer − sampler and w = e^d of each token: `update/samplerGap`, the mean |d|; `/max`, the largest;
   * `/k3`, the mean of w − 1 − d, which estimates the KL divergence of the sampler from the trainer; and
   * `update/samplerEss`, (mean w)² / mean w², the share of tokens that weights w leave effective. Nothing
   * before a loss was computed.
   */
  metrics(): Metrics;
};

export function createSamplerGap(): SamplerGap {
  const sums = { gap: 0, k3: 0, weight: 0, square: 0 };
  let [largest, count] = [0, 0];
  const compare = (difference: number) => {
    const weight = Math.exp(difference);
    sums.gap += Math.abs(difference);
    sums.k3 += Math.max(0, Math.expm1(difference) - difference);
    sums.weight += weight;
    sums.square += weight * weight;
    largest = Math.max(largest, Math.abs(difference));
    count++;
  };
  return {
    comparing: (loss, rollouts) => {
      const both = (inputs: readonly LossInput[]) => {
        for (const { index, policyLogprobs } of inputs) {
          const { samplerLogprobs, oldLogprobs = policyLogprobs } = defined(
            rollouts[index],
            'rollout of a loss input',
          );
          samplerLogprobs.forEach((logprob, t) => {
            compare((oldLogprobs[t] ?? 0) - logprob);
          });
        }
        return loss(inputs);
      };
      return Object.assign(both, loss);
    },
    metrics: () =>
      count === 0
        ? {}
        : {
            'update/samplerGap': { sum: sums.gap, count },
            'update/samplerGap/max': meanOf(largest),
            'update/samplerGap/k3': { sum: sums.k3, count },
            'update/samplerEss': meanOf(sums.weight ** 2 / (count * sums.square)),
          },
  };
}
