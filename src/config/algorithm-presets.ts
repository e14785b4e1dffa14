/**
 * Published algorithms as settings. `grpo`, `dapo` and `gspo` have the values of the scripts of MediX-R1 (arXiv
 * 2602.23363), the others those of their own publications.
 */
import type { AlgorithmConfig } from './algorithm-config.ts';

type Given<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

export type AlgorithmPreset = {
  readonly advantage: NonNullable<AlgorithmConfig['advantage']>;
  readonly filter: NonNullable<AlgorithmConfig['filter']>;
  readonly loss: Given<Omit<AlgorithmConfig['loss'], 'klTarget' | 'entropyTarget'>>;
};

const clipDual = 3;

/** No ratio reaches it. */
const noClipDual = 1e9;

/** What most of them share; the temperatures are those of `sapo` (arXiv 2511.20347). */
const common = {
  temperaturePositive: 1,
  temperatureNegative: 1.05,
  klCoefficient: 0,
  klEstimator: 'k3',
  klIn: 'loss',
  klUnbiased: false,
  entropyCoefficient: 0,
} as const;

export const algorithmPresets: Readonly<Record<AlgorithmConfig['preset'], AlgorithmPreset>> = {
  /**
   * arXiv 2402.03300. Deviations: the upper clip of the scripts is 0.3 where the publication has one
   * clip of 0.2; the mean is over tokens instead of sequences; dual clip (arXiv 1912.09729).
   */
  grpo: {
    advantage: 'grpo',
    filter: 'none',
    loss: {
      ...common,
      kind: 'clip',
      clipLow: 0.2,
      clipHigh: 0.3,
      clipDual,
      lossAverage: 'token',
      klCoefficient: 0.01,
    },
  },
  /**
   * arXiv 2503.14476. Deviations: groups are dropped for lack of variance, which is what the publication's
   * test of accuracy 0 or 1 means for a composite reward (the scripts test the mean, which keeps them);
   * length is punished by a reward profile, if at all (`overlong`); dual clip.
   */
  dapo: {
    advantage: 'grpo',
    filter: 'variance',
    loss: {
      ...common,
      kind: 'clip',
      clipLow: 0.2,
      clipHigh: 0.28,
      clipDual,
      lossAverage: 'token',
    },
  },
  /** arXiv 2507.18071. Deviation: dual clip, which the sequence ratio hardly ever reaches. */
  gspo: {
    advantage: 'grpo',
    filter: 'none',
    loss: {
      ...common,
      kind: 'gspo',
      clipLow: 3e-4,
      clipHigh: 4e-4,
      clipDual,
      lossAverage: 'sequence',
    },
  },
  /** arXiv 2503.20783. */
  'dr-grpo': {
    advantage: 'dr-grpo',
    filter: 'none',
    loss: {
      ...common,
      kind: 'clip',
      clipLow: 0.2,
      clipHigh: 0.2,
      clipDual: noClipDual,
      lossAverage: 'dr-grpo',
    },
  },
  /**
   * arXiv 2506.13585, with the dynamic sampling of DAPO as there. The publication bounds the ratio above only and
   * does not name the bound; 5 is that of arXiv 2510.13786.
   */
  cispo: {
    advantage: 'grpo',
    filter: 'variance',
    loss: {
      ...common,
      kind: 'cispo',
      clipLow: 1,
      clipHigh: 4,
      clipDual: noClipDual,
      lossAverage: 'token',
    },
  },
  /** arXiv 2511.20347. Its loss has no bounds; the clips below are there for a kind given in its place. */
  sapo: {
    advantage: 'grpo',
    filter: 'none',
    loss: {
      ...common,
      kind: 'sapo',
      clipLow: 0.2,
      clipHigh: 0.2,
      clipDual: noClipDual,
      lossAverage: 'sequence',
    },
  },
  /**
   * arXiv 2501.03262. The weight of the KL penalty is that of `grpo`, since the publication has another one for each
   * task. Deviations: the penalty of a completion is taken off as one sum, not for each token the sum of what
   * follows it; rollouts count once in the normalisation, not once for each token.
   */
  'reinforce++': {
    advantage: 'reinforce++',
    filter: 'none',
    loss: {
      ...common,
      kind: 'clip',
      clipLow: 0.2,
      clipHigh: 0.2,
      clipDual: noClipDual,
      lossAverage: 'token',
      klCoefficient: 0.01,
      klEstimator: 'k1',
      klIn: 'reward',
    },
  },
};
