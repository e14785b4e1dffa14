/** The losses of the protocol: sums over tokens, each with its slope in the policy's logprob. */

/** What is known of one target. */
export type Target = {
  /** Under the policy now. */
  readonly logprob: number;
  /** Of the sampler. */
  readonly old: number;
  readonly advantage: number;
  readonly weight: number;
};

type TargetLoss = { readonly loss: number; readonly slope: number };

type TokenLoss = (target: Target, settings: Readonly<Record<string, number>>) => TargetLoss;

const clipped = (ratio: number, settings: Readonly<Record<string, number>>) =>
  Math.min(
    Math.max(ratio, settings['clip_low_threshold'] ?? 0.8),
    settings['clip_high_threshold'] ?? 1.2,
  );

type KnownLoss = {
  readonly inputs: readonly string[];
  readonly settings: readonly string[];
  readonly token: TokenLoss;
};

const ofRollouts = ['logprobs', 'advantages'];
const clips = ['clip_low_threshold', 'clip_high_threshold'];

/** By their names in requests. */
export const knownLosses: Readonly<Record<string, KnownLoss>> = {
  cross_entropy: {
    inputs: ['weights'],
    settings: [],
    token: ({ logprob, weight }) => ({ loss: -logprob * weight, slope: -weight }),
  },
  importance_sampling: {
    inputs: ofRollouts,
    settings: [],
    token: ({ logprob, old, advantage, weight }) => {
      const value = -Math.exp(logprob - old) * advantage * weight;
      return { loss: value, slope: value };
    },
  },
  ppo: {
    inputs: ofRollouts,
    settings: clips,
    token: ({ logprob, old, advantage, weight }, settings) => {
      const ratio = Math.exp(logprob - old);
      const free = ratio * advantage;
      const bound = clipped(ratio, settings) * advantage;
      return {
        loss: -Math.min(free, bound) * weight,
        slope: free <= bound ? -free * weight : 0,
      };
    },
  },
  cispo: {
    inputs: ofRollouts,
    settings: clips,
    token: ({ logprob, old, advantage, weight }, settings) => {
      const scale = clipped(Math.exp(logprob - old), settings) * advantage * weight;
      return { loss: -scale * logprob, slope: -scale };
    },
  },
  dro: {
    inputs: ofRollouts,
    settings: ['beta'],
    token: ({ logprob, old, advantage, weight }, settings) => {
      const beta = settings['beta'] ?? 0.05;
      const gap = logprob - old;
      return {
        loss: -(logprob * advantage - 0.5 * beta * gap * gap) * weight,
        slope: -(advantage - beta * gap) * weight,
      };
    },
  },
};
