/**
 * Policy losses as functions of the logprobs of sampled tokens, with their gradients in closed form.
 * They know nothing about models, prompts or rewards. The loss of a token is that of its kind
 * (`token-losses.ts`), weighted where sampler and trainer differ (`sampler-correction.ts`), plus a penalty
 * klCoefficient·KL(policy, reference) (`kl.ts`).
 *
 * Deviations from the code of arXiv 2602.23363: its `gspo` fails on shapes, here it computes what it was meant
 * to; its mean over sequences is re-weighted by the tokens of a micro-batch, here it is the mean over the
 * sequences of the call; its 1e-8 in denominators is left out.
 */
import { defined, invariant } from '../core/errors.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Loss, LossInput, LossPart, LossTerms } from '../engine/engine.ts';
import { type KlEstimator, klPenalties, type Penalty, timesRatio } from './kl.ts';
import { type SamplerCorrection, samplerWeights } from './sampler-correction.ts';
import {
  type BoundedRatio,
  boundedRatio,
  type PolicyLossKind,
  type TokenLossSettings,
  tokenLosses,
} from './token-losses.ts';

export type PolicyLossSettings = TokenLossSettings & {
  readonly kind: PolicyLossKind;
  /**
   * `token`: mean over all tokens of the call; `sequence`: mean over its sequences of their token means;
   * `dr-grpo`: the sum over all tokens, divided by sequences · maxCompletionTokens (arXiv 2503.20783), so that a
   * token weighs the same however long its completion is.
   */
  readonly lossAverage: 'token' | 'sequence' | 'dr-grpo';
  /** Tokens after which a completion is cut off; the divisor of `dr-grpo`. */
  readonly maxCompletionTokens: number;
  /** 0 turns the penalty off. */
  readonly klCoefficient: number;
  readonly klEstimator: KlEstimator;
  /** Whether the penalty is multiplied by the token's ratio (arXiv 2512.02556): then `k3` has the gradient of the KL. */
  readonly klUnbiased: boolean;
  readonly samplerCorrection: SamplerCorrection;
  /**
   * Weight of a bonus for the policy's entropy, averaged as the loss is; 0 turns it off. It needs an engine that
   * guarantees entropies.
   */
  readonly entropyCoefficient: number;
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
  /** [T] advantages of the tokens, in place of the one of the completion. */
  readonly tokenAdvantages?: Float32Array;
  /** [T]; required when klCoefficient is above 0. */
  readonly referenceLogprobs?: Float32Array;
  /** [T]; needed by a sampler correction. Absent where the sampler's are the old ones: every weight is then 1. */
  readonly samplerLogprobs?: Float32Array;
};

/**
 * What an engine needs to compute the loss by itself. Engines know policy losses without a KL penalty, a sampler
 * correction or an entropy bonus and with one advantage a completion: else there are no terms, and the gradient is
 * given to the engine.
 * @param rollouts of those without old logprobs there are no terms
 */
export function lossTerms(
  {
    kind,
    klCoefficient,
    klEstimator: _estimator,
    klUnbiased: _unbiased,
    samplerCorrection,
    entropyCoefficient,
    ...settings
  }: PolicyLossSettings,
  rollouts: readonly LossRollout[],
): LossTerms | undefined {
  const isPlain = klCoefficient === 0 && samplerCorrection === 'none' && entropyCoefficient === 0;
  if (!isPlain) return undefined;
  const weightOf = tokenWeights({ kind, ...settings }, rollouts.length, tokensOf(rollouts));
  const terms: LossTerms['rollouts'][number][] = [];
  for (const { advantage, tokens, oldLogprobs, tokenAdvantages } of rollouts) {
    if (oldLogprobs === undefined || tokenAdvantages !== undefined) return undefined;
    terms.push({ advantage, tokenWeight: weightOf(tokens), oldLogprobs });
  }
  return { name: kind, settings, rollouts: terms };
}

function tokensOf(rollouts: readonly LossRollout[]): number {
  return rollouts.reduce((sum, rollout) => sum + rollout.tokens, 0);
}

/**
 * The loss of one optimizer step. `rollouts[i]` belongs to the input with index i; denominators are those
 * of all rollouts, so the parts of micro-batches add up.
 *
 * Metrics are means over tokens: update/ratio, update/clipFractionLow, update/clipFractionHigh,
 * update/clipFractionDual (tokens whose gradient the bound changes), update/approxKl (k3 of old against
 * policy; with /k1 after it k1), where the engine tells entropies update/entropy, where there are reference logprobs
 * update/kl (klEstimator of policy against reference; with /k1 and /k3 after it these) and where there is a sampler
 * correction update/samplerCut (tokens whose weight it cut or set to 0).
 */
export function policyLoss(settings: PolicyLossSettings, rollouts: readonly LossRollout[]): Loss {
  const tokenWeight = tokenWeights(settings, rollouts.length, tokensOf(rollouts));

  const movesEntropies = settings.entropyCoefficient !== 0;
  const loss = (inputs: readonly LossInput[]): LossPart => {
    const tally = createTally();
    const results = inputs.map((input) => {
      const rollout = defined(rollouts[input.index], 'rollout of a loss input');
      return sequenceLoss(settings, rollout, input, tokenWeight, tally);
    });
    return {
      loss: results.reduce((sum, { loss }) => sum + loss, 0),
      gradients: results.map(({ gradient }) => gradient),
      ...(movesEntropies
        ? { entropyGradients: results.map(({ entropyGradient }) => entropyGradient) }
        : {}),
      metrics: tally.metrics(),
    };
  };
  const fixedGradient = (index: number, tokens: number): Float32Array => {
    const rollout = defined(rollouts[index], 'rollout of a loss input');
    const input = { index, policyLogprobs: rollout.oldLogprobs ?? new Float32Array(tokens) };
    return sequenceLoss(settings, rollout, input, tokenWeight, createTally()).gradient;
  };
  return Object.assign(loss, {
    movesEntropies,
    ...(isFixed(settings, rollouts) ? { fixedGradient } : {}),
  });
}

/**
 * Whether the gradient is the same whatever the policy's logprobs are: where every ratio is 1, or there is none. A penalty
 * depends on them, and so do a sampler correction and a bonus.
 */
function isFixed(
  { kind, klCoefficient, samplerCorrection, entropyCoefficient }: PolicyLossSettings,
  rollouts: readonly LossRollout[],
): boolean {
  if (klCoefficient !== 0 || entropyCoefficient !== 0 || samplerCorrection !== 'none') return false;
  return kind === 'reinforce' || rollouts.every(({ oldLogprobs }) => oldLogprobs === undefined);
}

/** @returns the weight of each token of a completion of that length. */
function tokenWeights(
  {
    kind,
    lossAverage,
    maxCompletionTokens,
  }: Pick<PolicyLossSettings, 'kind' | 'lossAverage' | 'maxCompletionTokens'>,
  sequences: number,
  tokens: number,
): (length: number) => number {
  const weights: Record<PolicyLossSettings['lossAverage'], (length: number) => number> = {
    token: () => 1 / tokens,
    sequence: (length) => 1 / (sequences * length),
    'dr-grpo': () => 1 / (sequences * maxCompletionTokens),
  };
  const average = weights[lossAverage];
  return tokenLosses[kind].isLengthWeighted ? (length) => average(length) * length : average;
}

type SequenceLoss = {
  readonly loss: number;
  readonly gradient: Float32Array;
  readonly entropyGradient: Float32Array;
};

function sequenceLoss(
  settings: PolicyLossSettings,
  rollout: LossRollout,
  { policyLogprobs, policyEntropies }: LossInput,
  tokenWeight: (length: number) => number,
  tally: Tally,
): SequenceLoss {
  const { oldLogprobs = policyLogprobs, referenceLogprobs, tokenAdvantages } = rollout;
  const length = policyLogprobs.length;
  requireLengths(rollout, length, settings);
  const { ratioOf, tokenLoss } = tokenLosses[settings.kind];
  const weight = tokenWeight(length);
  const samplerWeight = weightsOf(settings, rollout, oldLogprobs, tally);
  const gradient = new Float32Array(length);
  const bonus = entropyBonus(settings, policyEntropies, length, tally);
  const sequenceRatio =
    ratioOf === 'sequence' ? boundedRatio(meanDifference(policyLogprobs, oldLogprobs)) : undefined;
  const sums = tokenSums();
  let loss = 0;
  for (let t = 0; t < length; t++) {
    const policyLogprob = policyLogprobs[t] ?? 0;
    const oldLogprob = oldLogprobs[t] ?? 0;
    const logRatio = policyLogprob - oldLogprob;
    const ownRatio = boundedRatio(logRatio);
    const ratio = sequenceRatio ?? ownRatio;
    const advantage = tokenAdvantages?.[t] ?? rollout.advantage;
    const token = tokenLoss({ policyLogprob, oldLogprob, ratio, advantage }, settings);
    sums.ratio += ratio.value;
    if (token.clipped !== 'not') sums[token.clipped] += 1;
    sums.approxKl += ownRatio.value - logRatio - 1;
    sums.approxKlK1 -= logRatio;
    let value = samplerWeight(t) * token.loss;
    let slope = samplerWeight(t) * token.slope;
    if (referenceLogprobs) {
      const penalty = klOfToken(settings, policyLogprob, referenceLogprobs[t] ?? 0, ownRatio, sums);
      value += settings.klCoefficient * penalty.value;
      slope += settings.klCoefficient * penalty.gradient;
    }
    loss += weight * (value - bonus(t));
    gradient[t] = weight * slope;
  }
  tallyTokens(tally, sums, length, referenceLogprobs !== undefined);
  const entropyGradient = new Float32Array(length).fill(-weight * settings.entropyCoefficient);
  return { loss, gradient, entropyGradient };
}

/** Adds the token's divergences from the reference to `sums`. */
function klOfToken(
  { klEstimator, klUnbiased }: PolicyLossSettings,
  policyLogprob: number,
  referenceLogprob: number,
  ratio: BoundedRatio,
  sums: TokenSums,
): Penalty {
  const penalty = klPenalties[klEstimator](policyLogprob, referenceLogprob);
  const k3 = klEstimator === 'k3' ? penalty : klPenalties.k3(policyLogprob, referenceLogprob);
  sums.kl += penalty.value;
  sums.klK1 += policyLogprob - referenceLogprob;
  sums.klK3 += k3.value;
  return klUnbiased ? timesRatio(penalty, ratio) : penalty;
}

/** @returns the bonus of each token */
function entropyBonus(
  { entropyCoefficient }: PolicyLossSettings,
  entropies: Float32Array | undefined,
  length: number,
  tally: Tally,
): (t: number) => number {
  invariant(
    entropyCoefficient === 0 || entropies?.length === length,
    'an entropy bonus needs the entropy of every token',
  );
  if (entropies === undefined) return () => 0;
  const sum = entropies.reduce((total, entropy) => total + entropy, 0);
  tally.add('update/entropy', sum, length);
  return (t) => entropyCoefficient * (entropies[t] ?? 0);
}

/** Plain fields, because a look-up by name for every token would cost more than the loss. */
type TokenSums = Record<
  'ratio' | 'low' | 'high' | 'dual' | 'approxKl' | 'approxKlK1' | 'kl' | 'klK1' | 'klK3',
  number
>;

function tokenSums(): TokenSums {
  return {
    ratio: 0,
    low: 0,
    high: 0,
    dual: 0,
    approxKl: 0,
    approxKlK1: 0,
    kl: 0,
    klK1: 0,
    klK3: 0,
  };
}

function tallyTokens(tally: Tally, sums: TokenSums, length: number, hasReference: boolean): void {
  tally.add('update/ratio', sums.ratio, length);
  tally.add('update/clipFractionLow', sums.low, length);
  tally.add('update/clipFractionHigh', sums.high, length);
  tally.add('update/clipFractionDual', sums.dual, length);
  tally.add('update/approxKl', sums.approxKl, length);
  tally.add('update/approxKl/k1', sums.approxKlK1, length);
  if (!hasReference) return;
  tally.add('update/kl', sums.kl, length);
  tally.add('update/kl/k1', sums.klK1, length);
  tally.add('update/kl/k3', sums.klK3, length);
}

function weightsOf(
  { samplerCorrection }: PolicyLossSettings,
  { samplerLogprobs }: LossRollout,
  oldLogprobs: Float32Array,
  tally: Tally,
): (t: number) => number {
  if (samplerCorrection === 'none' || !samplerLogprobs) return () => 1;
  const { weights, cut } = samplerWeights(samplerCorrection, oldLogprobs, samplerLogprobs);
  tally.add('update/samplerCut', cut, weights.length);
  return (t) => weights[t] ?? 0;
}

function requireLengths(
  { tokens, oldLogprobs, tokenAdvantages, referenceLogprobs }: LossRollout,
  length: number,
  { klCoefficient }: PolicyLossSettings,
): void {
  invariant(
    tokens === length && (oldLogprobs?.length ?? length) === length,
    'policy and old logprobs have one length',
  );
  invariant(
    (tokenAdvantages?.length ?? length) === length,
    'advantages of tokens are those of all tokens',
  );
  invariant(
    referenceLogprobs ? referenceLogprobs.length === length : klCoefficient === 0,
    'a KL penalty needs a reference logprob for every token',
  );
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
  /** @param count values that `sum` is made of */
  add(key: string, sum: number, count: number): void;
  metrics(): Metrics;
};

function createTally(): Tally {
  const means = new Map<string, { sum: number; count: number }>();
  return {
    add: (key, sum, count) => {
      const mean = means.get(key);
      if (mean === undefined) {
        means.set(key, { sum, count });
      } else {
        mean.sum += sum;
        mean.count += count;
      }
    },
    metrics: () => Object.fromEntries(means),
  };
}
