/**
 * The loss of one token for each kind of policy loss, with its slope in closed form. With A the advantage of
 * the completion, r = exp(policy − old) and s = exp(mean of policy − old over the completion):
 *
 * - `clip` (PPO as in GRPO and DAPO; arXiv 1707.06347, 2402.03300, 2503.14476):
 *   max(−A·r, −A·clip(r, 1−clipLow, 1+clipHigh)), for A < 0 at most −A·clipDual (arXiv 1912.09729);
 * - `gspo` (arXiv 2507.18071): the same of s. The publication's GSPO-token has the same loss and gradient where, as
 *   here, the tokens of a completion share one advantage; where a sampler correction weighs tokens differently,
 *   each has its own weight, as in GSPO-token;
 * - `luspo` (arXiv 2602.05261): `gspo` times the completion's length;
 * - `cispo` (arXiv 2506.13585): −A·policy·clip(r), the clipped ratio held constant, so that every token keeps
 *   a gradient; clipLow 1 leaves only the upper bound;
 * - `reinforce`: −A·policy, without any ratio;
 * - `sapo` (arXiv 2511.20347): −A·σ(τ(r − 1))·4/τ, with a temperature τ for A > 0 and one for the others;
 * - `dppo-tv`, `dppo-kl` (arXiv 2602.04879, the binary forms): −A·policy·min(r, 20), the ratio held constant, and
 *   nothing where the token has moved the way of its advantage by more than clipHigh (A > 0) or clipLow (A ≤ 0):
 *   in `dppo-tv` by its probability, in `dppo-kl` by the divergence of "this token or another".
 */

export type PolicyLossKind =
  | 'clip'
  | 'gspo'
  | 'luspo'
  | 'cispo'
  | 'reinforce'
  | 'sapo'
  | 'dppo-tv'
  | 'dppo-kl';

export type TokenLossSettings = {
  /**
   * The ratio is clipped below at 1 − clipLow; in (0, 1], where 1 is no bound. In `dppo-tv` and `dppo-kl` the
   * largest divergence for A ≤ 0. Not used by `sapo` and `reinforce`.
   */
  readonly clipLow: number;
  /** The ratio is clipped above at 1 + clipHigh; above 0. In `dppo-tv` and `dppo-kl` the largest divergence for A > 0. */
  readonly clipHigh: number;
  /** Largest weight of a negative advantage; above 1. Used by `clip`, `gspo` and `luspo`. */
  readonly clipDual: number;
  /** τ of `sapo` for positive advantages; above 0. */
  readonly temperaturePositive: number;
  /** τ of `sapo` for the others; above 0. */
  readonly temperatureNegative: number;
};

/** Log ratios are held within ±20, as in the paper's code: beyond, the ratio has no meaning. */
const logRatioBound = 20;

/** Largest ratio that `dppo` multiplies with; of its authors' code. */
const dppoRatioBound = 20;

/** Keeps logarithms of improbability finite; of the same code. */
const dppoEpsilon = 1e-8;

export type BoundedRatio = {
  readonly value: number;
  /** Whether the value follows its logprob, or rests on the bound of log ratios. */
  readonly moves: boolean;
};

export function boundedRatio(logRatio: number): BoundedRatio {
  const bounded = Math.min(logRatioBound, Math.max(-logRatioBound, logRatio));
  return { value: Math.exp(bounded), moves: bounded === logRatio };
}

type Token = {
  readonly policyLogprob: number;
  readonly oldLogprob: number;
  /** Of the token, or of its completion: see {@link TokenLossKind}. */
  readonly ratio: BoundedRatio;
  readonly advantage: number;
};

type TokenLoss = {
  readonly loss: number;
  /**
   * The token's share of dLoss/dPolicyLogprob. Where the ratio is the completion's, all T tokens hold the same
   * loss, and each moves every one of them by 1/T: the shares add up to this one value.
   */
  readonly slope: number;
  /** The bound that took the token's gradient away or, in `cispo` and `dppo`, weakened it. */
  readonly clipped: 'low' | 'high' | 'dual' | 'not';
};

type TokenLossKind = {
  readonly ratioOf: 'token' | 'sequence';
  /** Whether the loss of a completion is multiplied by its length. */
  readonly isLengthWeighted?: true;
  readonly tokenLoss: (token: Token, settings: TokenLossSettings) => TokenLoss;
};

const clippedSurrogate: TokenLossKind['tokenLoss'] = ({ ratio, advantage }, settings) => {
  const bounds = clip(ratio.value, settings);
  const { clipDual } = settings;
  const unclipped = -advantage * ratio.value;
  const clipped = -advantage * bounds.value;
  if (advantage < 0 && Math.max(unclipped, clipped) > -advantage * clipDual) {
    return { loss: -advantage * clipDual, slope: 0, clipped: 'dual' };
  }
  if (clipped > unclipped) return { loss: clipped, slope: 0, clipped: bounds.side };
  return { loss: unclipped, slope: ratio.moves ? unclipped : 0, clipped: 'not' };
};

const weightedLikelihood: TokenLossKind['tokenLoss'] = (token, settings) => {
  const { value, side } = clip(token.ratio.value, settings);
  const slope = -token.advantage * value;
  return { loss: slope * token.policyLogprob, slope, clipped: side };
};

const plainLikelihood: TokenLossKind['tokenLoss'] = ({ advantage, policyLogprob }) => ({
  loss: -advantage * policyLogprob,
  slope: -advantage,
  clipped: 'not',
});

const softGate: TokenLossKind['tokenLoss'] = ({ ratio, advantage }, settings) => {
  const temperature = advantage > 0 ? settings.temperaturePositive : settings.temperatureNegative;
  const gate = 1 / (1 + Math.exp(-temperature * (ratio.value - 1)));
  return {
    loss: (-advantage * gate * 4) / temperature,
    slope: ratio.moves ? -advantage * 4 * gate * (1 - gate) * ratio.value : 0,
    clipped: 'not',
  };
};

/** How far a token's probability has moved from p to q, by some measure; both in (0, 1]. */
type Divergence = (old: number, policy: number) => number;

const totalVariation: Divergence = (old, policy) => Math.abs(policy - old);

const binaryKl: Divergence = (old, policy) =>
  old * Math.log(old / policy) +
  (1 - old) * Math.log((1 - old + dppoEpsilon) / (1 - policy + dppoEpsilon));

function withinDivergence(divergence: Divergence): TokenLossKind['tokenLoss'] {
  return ({ policyLogprob, oldLogprob, ratio, advantage }, { clipLow, clipHigh }) => {
    const isUp = advantage > 0;
    const hasMovedAlong = isUp ? policyLogprob > oldLogprob : policyLogprob < oldLogprob;
    const moved = hasMovedAlong ? divergence(Math.exp(oldLogprob), Math.exp(policyLogprob)) : 0;
    if (moved > (isUp ? clipHigh : clipLow)) {
      return { loss: 0, slope: 0, clipped: isUp ? 'high' : 'low' };
    }
    const slope = -advantage * Math.min(ratio.value, dppoRatioBound);
    return {
      loss: slope * policyLogprob,
      slope,
      clipped: ratio.value > dppoRatioBound ? 'high' : 'not',
    };
  };
}

export const tokenLosses: Readonly<Record<PolicyLossKind, TokenLossKind>> = {
  clip: { ratioOf: 'token', tokenLoss: clippedSurrogate },
  gspo: { ratioOf: 'sequence', tokenLoss: clippedSurrogate },
  luspo: { ratioOf: 'sequence', isLengthWeighted: true, tokenLoss: clippedSurrogate },
  cispo: { ratioOf: 'token', tokenLoss: weightedLikelihood },
  reinforce: { ratioOf: 'token', tokenLoss: plainLikelihood },
  sapo: { ratioOf: 'token', tokenLoss: softGate },
  'dppo-tv': { ratioOf: 'token', tokenLoss: withinDivergence(totalVariation) },
  'dppo-kl': { ratioOf: 'token', tokenLoss: withinDivergence(binaryKl) },
};

function clip(
  ratio: number,
  { clipLow, clipHigh }: TokenLossSettings,
): { readonly value: number; readonly side: 'low' | 'high' | 'not' } {
  const value = Math.min(1 + clipHigh, Math.max(1 - clipLow, ratio));
  return { value, side: ratio < value ? 'low' : ratio > value ? 'high' : 'not' };
}
