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
