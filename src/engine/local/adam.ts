/**
 * AdamW (arXiv 1711.05101) with bias correction, in place on flat buffers. Gradients are clipped to a
 * global norm first; a gradient that is not finite changes nothing.
 */
import type { AdamParameters, StepReport } from '../engine.ts';
import type { ParameterBuffer } from './weights/parameter-buffer.ts';

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

/** All that does not vary from element to element is folded into factors before the loop. */
function updateParameter(
  weight: Float32Array,
  gradient: Float32Array,
  first: Float32Array,
  second: Float32Array,
  { adam, clip, decay, steps }: Update,
): void {
  const { beta1, beta2, learningRate } = adam;
  const firstGain = (1 - beta1) * clip;
  const secondGain = (1 - beta2) * clip * clip;
  const keep = 1 - learningRate * decay;
  // Both sides of the quotient m̂ / (√v̂ + ε) carry the second moment's bias correction.
  const correction = Math.sqrt(1 - beta2 ** steps);
  const stepSize = (learningRate * correction) / (1 - beta1 ** steps);
  const epsilon = adam.epsilon * correction;
  const size = weight.length;
  for (let i = 0; i < size; i++) {
    const g = gradient[i]!;
    const m = beta1 * first[i]! + firstGain * g;
    const v = beta2 * second[i]! + secondGain * g * g;
    first[i] = m;
    second[i] = v;
    weight[i] = keep * weight[i]! - (stepSize * m) / (Math.sqrt(v) + epsilon);
  }
}

/** Four sums side by side: one alone would wait for itself at every element. */
function globalNorm(values: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const blocks = values.length - (values.length % 4);
  for (let i = 0; i < blocks; i += 4) {
    a += values[i]! * values[i]!;
    b += values[i + 1]! * values[i + 1]!;
    c += values[i + 2]! * values[i + 2]!;
    d += values[i + 3]! * values[i + 3]!;
  }
  for (let i = blocks; i < values.length; i++) a += values[i]! * values[i]!;
  return Math.sqrt(a + b + c + d);
}
