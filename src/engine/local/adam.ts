/**
 * AdamW (arXiv 1711.05101) with bias correction, in place on flat buffers. Gradients are clipped to a
 * global norm first; a gradient that is not finite changes nothing.
 */
import type { AdamParameters, StepReport } from '../engine.ts';
import type { ParameterBuffer } from './weights.ts';

export type AdamState = {
  readonly first: ParameterBuffer;
  readonly second: ParameterBuffer;
  /** Steps applied so far. */
  steps: number;
};

/** Updates weights and state; leaves the gradient to the caller to clear. */
export function adamStep(
  weights: ParameterBuffer,
  gradient: ParameterBuffer,
  state: AdamState,
  adam: AdamParameters,
): StepReport {
  const gradNorm = globalNorm(gradient.flat);
  if (!Number.isFinite(gradNorm)) return { kind: 'skipped-nonfinite' };
  const clip =
    adam.maxGradNorm > 0 && gradNorm > adam.maxGradNorm ? adam.maxGradNorm / gradNorm : 1;
  state.steps++;
  for (const { name, shape } of weights.specs) {
    // Matrices decay; gains and biases do not.
    const decay = shape.length > 1 ? adam.weightDecay : 0;
    updateParameter(
      weights.views[name]!,
      gradient.views[name]!,
      state.first.views[name]!,
      state.second.views[name]!,
      { adam, clip, decay, steps: state.steps },
    );
  }
  return { kind: 'applied', gradNorm };
}

type Update = {
  readonly adam: AdamParameters;
  readonly clip: number;
  readonly decay: number;
  readonly steps: number;
};

function updateParameter(
  weight: Float32Array,
  gradient: Float32Array,
  first: Float32Array,
  second: Float32Array,
  { adam, clip, decay, steps }: Update,
): void {
  const { beta1, beta2, epsilon, learningRate } = adam;
  const stepSize = learningRate / (1 - beta1 ** steps);
  const secondCorrection = 1 / (1 - beta2 ** steps);
  const keep = 1 - learningRate * decay;
  for (let i = 0; i < weight.length; i++) {
    const g = gradient[i]! * clip;
    const m = beta1 * first[i]! + (1 - beta1) * g;
    const v = beta2 * second[i]! + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    weight[i] = weight[i]! * keep - (stepSize * m) / (Math.sqrt(v * secondCorrection) + epsilon);
  }
}

function globalNorm(values: Float32Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]! * values[i]!;
  return Math.sqrt(total);
}
