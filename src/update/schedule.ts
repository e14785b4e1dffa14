/** Learning rates and optimizer settings, step by step. */
import type { SftConfig } from '../config/sft-config.ts';
import type { AdamParameters } from '../engine/engine.ts';

export type LearningRateSchedule = {
  readonly kind: 'constant' | 'cosine';
  readonly peak: number;
  /** Steps of linear rise to the peak; 0 starts at the peak. */
  readonly warmupSteps: number;
  /** Steps of the whole run, warm-up included. */
  readonly totalSteps: number;
};

/**
 * The learning rate of a step, counted from 0. The warm-up's first step has peak / warmupSteps, its last
 * the peak; `cosine` then falls to 0 after the last step. Steps beyond the end have the rate of the end.
 */
export function learningRateAt(schedule: LearningRateSchedule, step: number): number {
  const { kind, peak, warmupSteps, totalSteps } = schedule;
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
  if (kind === 'constant') return peak;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  return (peak * (1 + Math.cos(Math.PI * progress))) / 2;
}

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
