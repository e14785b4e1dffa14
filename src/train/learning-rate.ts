import type { SftConfig } from '../config/sft-config.ts';
import type { AdamParameters } from '../engine/engine.ts';
import { learningRateAt } from '../update/schedule.ts';

/** Optimizer settings of the n-th step of a run, from 0, which has `totalSteps` steps at most. */
export function adamSchedule(
  { learningRate, schedule, warmupSteps, ...adam }: SftConfig['optimizer'],
  totalSteps: number,
): (step: number) => AdamParameters {
  const rates = { kind: schedule, peak: learningRate, warmupSteps, totalSteps };
  return (step) => ({
    beta1: adam.beta1,
    beta2: adam.beta2,
    epsilon: adam.epsilon,
    weightDecay: adam.weightDecay,
    maxGradNorm: adam.maxGradNorm,
    learningRate: learningRateAt(rates, step),
  });
}
