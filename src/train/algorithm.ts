/** The algorithm of a run: a published preset with the config's deviations laid over it. */
import type { AdvantageName } from '../advantage/estimators.ts';
import type { GroupFilter } from '../advantage/filter.ts';
import type { AlgorithmConfig } from '../config/algorithm-config.ts';
import { algorithmPresets } from '../config/algorithm-presets.ts';
import { given } from '../core/given.ts';
import type { KlEstimator } from '../update/kl.ts';
import type { PolicyLossSettings } from '../update/policy-loss.ts';
import type { ImageContrast } from './image-contrast.ts';

/** How scored groups become advantages. */
export type Estimation = {
  readonly advantage: AdvantageName;
  /** k of the advantage `pass@k`; absent with any other. */
  readonly passAtK?: number;
  readonly filter: GroupFilter;
};

/** See `lengthPenalties`. */
export type LengthPenalty = {
  readonly weight: number;
  /** The longest completion. */
  readonly tokens: number;
};

/** A KL penalty that is taken off rewards. */
export type RewardPenalty = { readonly coefficient: number; readonly estimator: KlEstimator };

/** How the policy teaches itself from reference answers, see `self-distillation.ts`. */
export type SelfDistillation = {
  /** Above 0; what one unit of log ratio weighs as an advantage. */
  readonly weight: number;
};

/** How readings are shown beside what is sampled, see `shown-readings.ts`. */
export type ShownReadings = {
  /** Above 0; the advantage of each token of a reading. */
  readonly weight: number;
};

export type Algorithm = Estimation & {
  /** What weights are adapted to after each iteration; absent ones stay as they are. */
  readonly targets: {
    /** Mean KL of a token. */
    readonly kl?: number;
    /** Mean entropy of a token, in nats. */
    readonly entropy?: number;
  };
  readonly loss: PolicyLossSettings;
  readonly lengthPenalty: LengthPenalty;
  /** Absent where the KL penalty is in the loss, or nowhere. */
  readonly rewardPenalty?: RewardPenalty;
  /** Absent: nothing is added to rewards for the need of the image. */
  readonly imageContrast?: ImageContrast;
  /** Which tokens a reward is credited to, see `block-credit.ts`. */
  readonly credit: 'completion' | 'block';
  /** Absent: what can be read off the images is not shown. */
  readonly showReadings?: ShownReadings;
  /** Absent: groups without reward teach nothing. */
  readonly selfDistillation?: SelfDistillation;
  /** Rounds of sampling to fill one iteration, at least 1. */
  readonly maxSampleRounds: number;
};

export function resolveEstimation({
  preset,
  advantage,
  passAtK,
  filter,
}: AlgorithmConfig): Estimation {
  return {
    advantage: advantage ?? algorithmPresets[preset].advantage,
    ...(passAtK === undefined ? {} : { passAtK }),
    filter: filter ?? algorithmPresets[preset].filter,
  };
}

/** @param maxCompletionTokens of the rollouts; the divisor of one way of averaging the loss. */
export function resolveAlgorithm(config: AlgorithmConfig, maxCompletionTokens: number): Algorithm {
  const { klIn, klTarget, entropyTarget, ...loss } = {
    ...algorithmPresets[config.preset].loss,
    ...given(config.loss),
  };
  const { klCoefficient: coefficient, klEstimator: estimator } = loss;
  const isInReward = coefficient > 0 && klIn === 'reward';
  return {
    ...resolveEstimation(config),
    loss: {
      ...loss,
      klCoefficient: isInReward ? 0 : coefficient,
      maxCompletionTokens,
      samplerCorrection: config.samplerCorrection ?? 'none',
    },
    ...(isInReward ? { rewardPenalty: { coefficient, estimator } } : {}),
    lengthPenalty: { weight: config.lengthPenalty, tokens: maxCompletionTokens },
    credit: config.credit,
    targets: given({ kl: klTarget, entropy: entropyTarget }),
    ...optionalParts(config),
    maxSampleRounds: config.maxSampleRounds,
  };
}

function optionalParts({
  selfDistillation,
  imageContrast,
  showReadings,
}: AlgorithmConfig): Pick<Algorithm, 'selfDistillation' | 'imageContrast' | 'showReadings'> {
  return given({ selfDistillation, imageContrast, showReadings });
}
