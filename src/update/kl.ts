/**
 * Penalties for leaving the reference model, per token, from the logprobs of the sampled tokens alone
 * (Schulman, "Approximating KL divergence", 2020). Every penalty is the value that enters the loss and
 * its derivative with respect to the policy's logprob.
 */

export type KlEstimator = 'k1' | 'k2' | 'k3' | 'abs';

export type Penalty = { readonly value: number; readonly gradient: number };

/** Bounds of the paper's code (arXiv 2602.23363, `low_var_kl`); beyond them the gradient is 0. */
const logRatioBound = 20;
const k3Bound = 10;

/** With d = policy − reference. */
export const klPenalties: Readonly<
  Record<KlEstimator, (policyLogprob: number, referenceLogprob: number) => Penalty>
> = {
  /** d: unbiased, but its gradient is the same for every token, so as a loss it does not pull back. */
  k1: (policy, reference) => ({ value: policy - reference, gradient: 1 }),
  /** d² / 2. */
  k2: (policy, reference) => {
    const d = policy - reference;
    return { value: (d * d) / 2, gradient: d };
  },
  /** e^−d + d − 1: unbiased and never negative; the estimator of GRPO (arXiv 2402.03300). */
  k3: (policy, reference) => {
    const wanted = reference - policy;
    const x = Math.min(logRatioBound, Math.max(-logRatioBound, wanted));
    // Near 0 the difference of rounded numbers can fall below the 0 that it never reaches.
    const value = Math.max(0, Math.expm1(x) - x);
    const bounded = x !== wanted || value > k3Bound;
    return { value: Math.min(k3Bound, value), gradient: bounded ? 0 : 1 - Math.exp(x) };
  },
  /** |d|. */
  abs: (policy, reference) => {
    const d = policy - reference;
    return { value: Math.abs(d), gradient: Math.sign(d) };
  },
};

/**
 * The penalty times the ratio r = exp(policy − old), whose derivative is r·(gradient + value): over tokens that
 * the old policy drew it has the mean that the penalty would have over tokens of the policy, and so does its
 * gradient (arXiv 2512.02556).
 */
export function timesRatio(
  { value, gradient }: Penalty,
  ratio: { readonly value: number; readonly moves: boolean },
): Penalty {
  return {
    value: ratio.value * value,
    gradient: ratio.value * (gradient + (ratio.moves ? value : 0)),
  };
}
