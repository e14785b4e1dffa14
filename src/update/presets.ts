/** Published algorithms as settings, with the values of the scripts of MediX-R1 (arXiv 2602.23363). */
import type { PolicyLossSettings } from './policy-loss.ts';

export type AlgorithmName = 'grpo' | 'dapo' | 'gspo';

export type AlgorithmPreset = {
  readonly advantage: 'grpo';
  readonly filter: 'none' | 'variance';
  readonly loss: PolicyLossSettings;
};

const clipDual = 3;

export const algorithmPresets: Readonly<Record<AlgorithmName, AlgorithmPreset>> = {
  /**
   * arXiv 2402.03300. Deviations: the upper clip of the scripts is 0.3 where the publication has one
   * clip of 0.2; the mean is over tokens instead of sequences; dual clip (arXiv 1912.09729).
   */
  grpo: {
    advantage: 'grpo',
    filter: 'none',
    loss: {
      kind: 'clip',
      clipLow: 0.2,
      clipHigh: 0.3,
      clipDual,
      lossAverage: 'token',
      klCoefficient: 0.01,
      klEstimator: 'k3',
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
      kind: 'clip',
      clipLow: 0.2,
      clipHigh: 0.28,
      clipDual,
      lossAverage: 'token',
      klCoefficient: 0,
      klEstimator: 'k3',
    },
  },
  /** arXiv 2507.18071. Deviation: dual clip, which the sequence ratio hardly ever reaches. */
  gspo: {
    advantage: 'grpo',
    filter: 'none',
    loss: {
      kind: 'gspo',
      clipLow: 3e-4,
      clipHigh: 4e-4,
      clipDual,
      lossAverage: 'sequence',
      klCoefficient: 0,
      klEstimator: 'k3',
    },
  },
};
