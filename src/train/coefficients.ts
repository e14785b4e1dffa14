/** Weights of the KL penalty and of the entropy bonus that follow what a run measures. */
import { type Metrics, metricValues } from '../core/metrics.ts';
import type { Algorithm } from './algorithm.ts';

/** What an iteration trains with: those of the algorithm at first, then adapted where it names targets. */
export type Coefficients = {
  readonly kl: number;
  readonly entropy: number;
  /** Whether the bonus for entropy is due: not while the entropy is above its target. */
  readonly isEntropyLow: boolean;
};

/** How much of a KL's relative distance from its target the weight follows, and the largest distance that counts. */
const klGain = 0.1;
const largestDistance = 0.2;
const entropyStep = 0.005;

export function startCoefficients({ loss, rewardPenalty }: Algorithm): Coefficients {
  const kl = rewardPenalty?.coefficient ?? loss.klCoefficient;
  return { kl, entropy: loss.entropyCoefficient, isEntropyLow: true };
}

/** The algorithm with these weights. */
export function withCoefficients(
  algorithm: Algorithm,
  { kl, entropy, isEntropyLow }: Coefficients,
): Algorithm {
  const { loss, rewardPenalty } = algorithm;
  return {
    ...algorithm,
    loss: {
      ...loss,
      klCoefficient: rewardPenalty ? 0 : kl,
      entropyCoefficient: isEntropyLow ? entropy : 0,
    },
    ...(rewardPenalty ? { rewardPenalty: { ...rewardPenalty, coefficient: kl } } : {}),
  };
}

/**
 * The weights of the next iteration. KL: the proportional controller of arXiv 1909.08593, w · (1 + 0.1 · e) with e
 * the relative distance from the target, within ±0.2. Entropy: arXiv 2505.22312, which adds 0.005 below the target
 * and takes 0.005 off above, where the bonus rests.
 *
 * @param metrics of the iteration; a weight stays where its value was not measured
 */
export function adaptedCoefficients(
  before: Coefficients,
  { targets, rewardPenalty }: Pick<Algorithm, 'targets' | 'rewardPenalty'>,
  metrics: Metrics,
): Coefficients {
  const values = metricValues(metrics);
  const kl = values[rewardPenalty ? 'rollout/kl' : 'update/kl'] ?? undefined;
  const entropy = values['update/entropy'] ?? undefined;
  return {
    kl:
      targets.kl === undefined || kl === undefined ? before.kl : nextKl(before.kl, kl, targets.kl),
    ...(targets.entropy === undefined || entropy === undefined
      ? { entropy: before.entropy, isEntropyLow: before.isEntropyLow }
      : nextEntropy(before.entropy, entropy <= targets.entropy)),
  };
}

function nextKl(before: number, measured: number, target: number): number {
  const distance = measured / target - 1;
  return before * (1 + klGain * Math.min(largestDistance, Math.max(-largestDistance, distance)));
}

function nextEntropy(before: number, isEntropyLow: boolean) {
  const step = isEntropyLow ? entropyStep : -entropyStep;
  return { entropy: Math.max(0, before + step), isEntropyLow };
}
