/** The algorithm of a run: a published preset with the config's deviations laid over it. */
import type { AdvantageName } from '../advantage/estimators.ts';
import type { GroupFilter } from '../advantage/filter.ts';
import type { AlgorithmConfig } from '../config/algorithm-config.ts';
import { algorithmPresets } from '../config/algorithm-presets.ts';
import type { KlEstimator } from '../update/kl.ts';
import type { PolicyLossSettings } from '../update/policy-loss.ts';

/** How scored groups become advantages. */
export type Estimation = {
  readonly advantage: AdvantageName;
  /** k of the advantage `pass@k`; absent with any other. */
  readonly passAtK?: number;
  readonly filter: GroupFilter;
};

/** A KL penalty that is taken off rewards. */
export type RewardPenalty = { readonly coefficient: number; readonly estimator: KlEstimator };

/** How the policy teaches itself from reference answers, see `self-distillation.ts`. */
export type SelfDistillation = {
  /** Above 0; what one unit of log ratio weighs as an advantage. */
  readonly weight: number;
};

export type Algorithm = Estimation & {
  readonly loss: PolicyLossSettings;
  /** Absent where the KL penalty is in the loss, or nowhere. */
  readonly rewardPenalty?: RewardPenalty;
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
  const preset = algorithmPresets[config.preset].loss;
  const { loss } = config;
  const coefficient = loss.klCoefficient ?? preset.klCoefficient;
  const estimator = loss.klEstimator ?? preset.klEstimator;
  const isInReward = coefficient > 0 && (loss.klIn ?? preset.klIn) === 'reward';
  return {
    ...resolveEstimation(config),
    loss: {
      kind: loss.kind ?? preset.kind,
      clipLow: loss.clipLow ?? preset.clipLow,
      clipHigh: loss.clipHigh ?? preset.clipHigh,
      clipDual: loss.clipDual ?? preset.clipDual,
      temperaturePositive: loss.temperaturePositive ?? preset.temperaturePositive,
      temperatureNegative: loss.temperatureNegative ?? preset.temperatureNegative,
      lossAverage: loss.lossAverage ?? preset.lossAverage,
      maxCompletionTokens,
      klCoefficient: isInReward ? 0 : coefficient,
      klEstimator: estimator,
      klUnbiased: loss.klUnbiased ?? preset.klUnbiased,
      samplerCorrection: config.samplerCorrection ?? 'none',
    },
    ...(isInReward ? { rewardPenalty: { coefficient, estimator } } : {}),
    ...distillationOf(config),
    maxSampleRounds: config.maxSampleRounds,
  };
}

function distillationOf({
  selfDistillation,
}: AlgorithmConfig): Pick<Algorithm, 'selfDistillation'> {
  return selfDistillation ? { selfDistillation } : {};
}
