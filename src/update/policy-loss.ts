/**
 * Policy losses as functions of the logprobs of sampled tokens, with their gradients in closed form.
 * They know nothing about models, prompts or rewards. With A the advantage of a completion and
 * ratio = exp(policy − old), the loss of a token is
 *
 * - `clip` (PPO as in GRPO and DAPO; arXiv 1707.06347, 2402.03300, 2503.14476):
 *   max(−A·ratio, −A·clip(ratio, 1−clipLow, 1+clipHigh)), for A < 0 at most −A·clipDual (arXiv 1912.09729);
 * - `gspo` (arXiv 2507.18071): the same with the ratio of the whole sequence, exp(mean(policy − old));
 * - `cispo` (arXiv 2506.13585): −A·policy·clip(ratio), the clipped ratio held constant, so that every
 *   token keeps a gradient.
 *
 * A penalty klCoefficient·KL(policy, reference) is added per token. Deviations from the code of arXiv
 * 2602.23363: its `gspo` fails on shapes, here it computes what it was meant to; its mean over sequences
 * is re-weighted by the tokens of a micro-batch, here it is the mean over the sequences of the call; its
 * 1e-8 in denominators is left out.
 */
import { defined, invariant } from '../core/errors.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Loss, LossInput, LossPart, LossTerms } from '../engine/engine.ts';
import { type KlEstimator, klPenalties } from './kl.ts';

export type PolicyLossKind = 'clip' | 'gspo' | 'cispo';

export type PolicyLossSettings = {
  readonly kind: PolicyLossKind;
  /** The ratio is clipped below at 1 − clipLow; in (0, 1). */
  readonly clipLow: number;
  /** The ratio is clipped above at 1 + clipHigh; above 0. */
  readonly clipHigh: number;
  /** Largest weight of a negative advantage; above 1. Not used by `cispo`. */
  readonly clipDual: number;
  /** Mean over all tokens of the call, or over its sequences of their token means. */
  readonly lossAverage: 'token' | 'sequence';
  /** 0 turns the penalty off. */
  readonly klCoefficient: number;
  readonly klEstimator: KlEstimator;
};

/** What the loss needs to know of one completion, beside the policy's logprobs. */
export type LossRollout = {
  /** T, at least 1. */
  readonly tokens: number;
  /**
   * [T] logprobs under the policy before the first step on these rollouts. Without them this is that first
   * step: they are the policy's own, held constant, so that every ratio is 1.
   */
  readonly oldLogprobs?: Float32Array;
  readonly advantage: number;
  /** [T]; required when klCoefficient is above 0. */
  readonly referenceLogprobs?: Float32Array;
};

/**
 * What an engine needs to compute the loss by itself. Engines know policy losses without a KL penalty: with
 * one there are no terms, and the gradient is given to the engine.
 * @param rollouts with their old logprobs
 */
export function lossTerms(
  { kind, klCoefficient, klEstimator: _, ...settings }: PolicyLossSettings,
  rollouts: readonly LossRollout[],
): LossTerms | undefined {
  if (klCoefficient > 0) return undefined;
  return {
    name: kind,
    settings,
    rollouts: rollouts.map(({ advantage, oldLogprobs }) => ({
      advantage,
      oldLogprobs: defined(oldLogprobs, 'old logprobs'),
    })),
  };
}

/** Log ratios are held within ±20, as in the paper's code: beyond, the ratio has no meaning. */
const logRatioBound = 20;

/**
 * The loss of one optimizer step. `rollouts[i]` belongs to the input with index i; denominators are those
 * of all rollouts, so the parts of micro-batches add up.
 *
 * Metrics are means over tokens: update/ratio, update/clipFractionLow, update/clipFractionHigh,
 * update/clipFractionDual (tokens whose gradient the bound changes), update/approxKl (k3 of old against
 * policy) and, where there are reference logprobs, update/kl (klEstimator of policy against reference).
 */
export function policyLoss(settings: PolicyLossSettings, rollouts: readonly LossRollout[]): Loss {
  const tokens = rollouts.reduce((sum, rollout) => sum + rollout.tokens, 0);
  const tokenWeight = (length: number) =>
    settings.lossAverage === 'token' ? 1 / tokens : 1 / (rollouts.length * length);

  return (inputs): LossPart => {
    const tally = createTally();
    const results = inputs.map((input) => {
      const rollout = defined(rollouts[input.index], 'rollout of a loss input');
      return sequenceLoss(settings, rollout, input, tokenWeight, tally);
    });
    return {
      loss: results.reduce((sum, { loss }) => sum + loss, 0),
      gradients: results.map(({ gradient }) => gradient),
      metrics: tally.metrics(),
    };
  };
}

function sequenceLoss(
  settings: PolicyLossSettings,
  rollout: LossRollout,
  { policyLogprobs }: LossInput,
  tokenWeight: (length: number) => number,
  tally: Tally,
): { readonly loss: number; readonly gradient: Float32Array } {
  const { advantage, oldLogprobs = policyLogprobs, referenceLogprobs } = rollout;
  const length = policyLogprobs.length;
  requireLengths(rollout, length, settings);
  const { ratioOf, tokenLoss } = kinds[settings.kind];
  const weight = tokenWeight(length);
  const gradient = new Float32Array(length);
  const sequenceLogRatio =
    ratioOf === 'sequence' ? meanDifference(policyLogprobs, oldLogprobs) : undefined;
  let loss = 0;
  for (let t = 0; t < length; t++) {
    const policy = policyLogprobs[t] ?? 0;
    const logRatio = policy - (oldLogprobs[t] ?? 0);
    const ratio = boundedRatio(sequenceLogRatio ?? logRatio, settings);
    const token = tokenLoss(ratio, advantage, policy, settings);
    tally.add('update/ratio', ratio.value);
    tally.add('update/clipFractionLow', token.clipped === 'low' ? 1 : 0);
    tally.add('update/clipFractionHigh', token.clipped === 'high' ? 1 : 0);
    tally.add('update/clipFractionDual', token.clipped === 'dual' ? 1 : 0);
    tally.add('update/approxKl', Math.exp(logRatio) - logRatio - 1);
    let value = token.loss;
    let slope = token.slope;
    if (referenceLogprobs) {
      const penalty = klPenalties[settings.klEstimator](policy, referenceLogprobs[t] ?? 0);
      tally.add('update/kl', penalty.value);
      value += settings.klCoefficient * penalty.value;
      slope += settings.klCoefficient * penalty.gradient;
    }
    loss += weight * value;
    gradient[t] = weight * slope;
  }
  return { loss, gradient };
}

function requireLengths(
  { tokens, oldLogprobs, referenceLogprobs }: LossRollout,
  length: number,
  { klCoefficient }: PolicyLossSettings,
): void {
  invariant(
    tokens === length && (oldLogprobs?.length ?? length) === length,
    'policy and old logprobs have one length',
  );
  invariant(
    referenceLogprobs ? referenceLogprobs.length === length : klCoefficient === 0,
    'a KL penalty needs a reference logprob for every token',
  );
}

type Ratio = {
  readonly value: number;
  /** The value within [1 − clipLow, 1 + clipHigh]. */
  readonly clipped: number;
  /** The bound that `clipped` rests on. */
  readonly side: 'low' | 'high' | 'not';
  /** Whether the value follows its logprob, or rests on `logRatioBound`. */
  readonly moves: boolean;
};

type TokenLoss = {
  readonly loss: number;
  /**
   * The token's share of dLoss/dPolicyLogprob. In `gspo` all T tokens hold the same loss, and each
   * moves every one of them by 1/T: the shares add up to this one value.
   */
  readonly slope: number;
  /** The bound that took the token's gradient away or, in `cispo`, weakened it. */
  readonly clipped: 'low' | 'high' | 'dual' | 'not';
};

type TokenLossFunction = (
  ratio: Ratio,
  advantage: number,
  policyLogprob: number,
  settings: PolicyLossSettings,
) => TokenLoss;

const clippedSurrogate: TokenLossFunction = (ratio, advantage, _policyLogprob, { clipDual }) => {
  const unclipped = -advantage * ratio.value;
  const clipped = -advantage * ratio.clipped;
  if (advantage < 0 && Math.max(unclipped, clipped) > -advantage * clipDual) {
    return { loss: -advantage * clipDual, slope: 0, clipped: 'dual' };
  }
  if (clipped > unclipped) return { loss: clipped, slope: 0, clipped: ratio.side };
  return { loss: unclipped, slope: ratio.moves ? unclipped : 0, clipped: 'not' };
};

const weightedLikelihood: TokenLossFunction = (ratio, advantage, policyLogprob) => {
  const slope = -advantage * ratio.clipped;
  return { loss: slope * policyLogprob, slope, clipped: ratio.side };
};

const kinds: Readonly<
  Record<
    PolicyLossKind,
    { readonly ratioOf: 'token' | 'sequence'; readonly tokenLoss: TokenLossFunction }
  >
> = {
  clip: { ratioOf: 'token', tokenLoss: clippedSurrogate },
  gspo: { ratioOf: 'sequence', tokenLoss: clippedSurrogate },
  cispo: { ratioOf: 'token', tokenLoss: weightedLikelihood },
};

function boundedRatio(logRatio: number, { clipLow, clipHigh }: PolicyLossSettings): Ratio {
  const bounded = Math.min(logRatioBound, Math.max(-logRatioBound, logRatio));
  const value = Math.exp(bounded);
  const clipped = Math.min(1 + clipHigh, Math.max(1 - clipLow, value));
  const side = value < clipped ? 'low' : value > clipped ? 'high' : 'not';
  return { value, clipped, side, moves: bounded === logRatio };
}

function meanDifference(policyLogprobs: Float32Array, oldLogprobs: Float32Array): number {
  let sum = 0;
  for (let t = 0; t < policyLogprobs.length; t++) {
    sum += (policyLogprobs[t] ?? 0) - (oldLogprobs[t] ?? 0);
  }
  return sum / policyLogprobs.length;
}

/** Adds up values while a loss runs over its tokens. */
type Tally = {
  add(key: string, value: number): void;
  metrics(): Metrics;
};

function createTally(): Tally {
  const means = new Map<string, { sum: number; count: number }>();
  return {
    add: (key, value) => {
      const mean = means.get(key);
      if (mean === undefined) {
        means.set(key, { sum: value, count: 1 });
      } else {
        mean.sum += value;
        mean.count++;
      }
    },
    metrics: () => Object.fromEntries(means),
  };
}
