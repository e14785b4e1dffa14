/**
 * Weights for the tokens of a completion whose sampler and trainer disagree, from logprobs alone. A token was
 * drawn with the sampler's probability and is trained with the trainer's; w = exp(old − sampler) makes up for
 * it. The weights are constants to the gradient, and multiply the policy loss but no KL penalty.
 */
import { invariant } from '../core/errors.ts';

export type SamplerCorrection =
  | 'none'
  /**
   * Truncated importance sampling (Yao et al., "Your efficient RL framework secretly brings you off-policy RL
   * training", 2025): w of the token, or of its whole completion, but at most the cap.
   */
  | { readonly cap: number; readonly over: 'token' | 'sequence' }
  /**
   * Masks, `token` by default: IcePop (arXiv 2510.18855), w of the token where it lies from `low` to `high`, else 0.
   * `sequence`: w of each token of a completion whose geometric mean of w lies there, else 0 for all of it.
   */
  | { readonly low: number; readonly high: number; readonly over?: 'token' | 'sequence' };

/** Beyond e^±20 a weight has no meaning. */
const logWeightBound = 20;

/**
 * @param oldLogprobs [T] of the trainer, before the first step on these rollouts
 * @param samplerLogprobs [T] when the tokens were drawn
 * @returns `weights` [T], at least 0, and how many of them were cut at the cap or set to 0
 */
export function samplerWeights(
  correction: Exclude<SamplerCorrection, 'none'>,
  oldLogprobs: ArrayLike<number>,
  samplerLogprobs: ArrayLike<number>,
): { readonly weights: Float64Array; readonly cut: number } {
  const length = oldLogprobs.length;
  invariant(samplerLogprobs.length === length, 'old and sampler logprobs have one length');
  const logWeights = Float64Array.from(
    { length },
    (_, t) => (oldLogprobs[t] ?? 0) - (samplerLogprobs[t] ?? 0),
  );
  if ('cap' in correction) {
    const { cap, over } = correction;
    const whole = logWeights.reduce((sum, logWeight) => sum + logWeight, 0);
    const wanted = logWeights.map((own) => weightOf(over === 'sequence' ? whole : own));
    return { weights: wanted.map((w) => Math.min(w, cap)), cut: count(wanted, (w) => w > cap) };
  }
  const { low, high, over } = correction;
  const isOutside = (weight: number) => weight < low || weight > high;
  const wanted = logWeights.map(weightOf);
  if (over === 'sequence') {
    const mean = logWeights.reduce((sum, logWeight) => sum + logWeight, 0) / length;
    const isDropped = isOutside(weightOf(mean));
    return isDropped
      ? { weights: new Float64Array(length), cut: length }
      : { weights: wanted, cut: 0 };
  }
  return { weights: wanted.map((w) => (isOutside(w) ? 0 : w)), cut: count(wanted, isOutside) };
}

function weightOf(logWeight: number): number {
  return Math.exp(Math.min(logWeightBound, Math.max(-logWeightBound, logWeight)));
}

function count(values: Float64Array, holds: (value: number) => boolean): number {
  return values.reduce((sum, value) => sum + (holds(value) ? 1 : 0), 0);
}
