/** The algorithm of a run: a published preset with the config's deviations laid over it. */
import type { AdvantageName } from '../advantage/estimators.ts';
import type { GroupFilter } from '../advantage/filter.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { PolicyLossSettings } from '../update/policy-loss.ts';
import { algorithmPresets } from '../update/presets.ts';

/** How scored groups become advantages. */
export type Estimation = {
  readonly advantage: AdvantageName;
  readonly filter: GroupFilter;
};

export type Algorithm = Estimation & {
  readonly loss: PolicyLossSettings;
  /** Rounds of sampling to fill one iteration, at least 1. */
  readonly maxSampleRounds: number;
};

export function resolveEstimation(config: TrainConfig['algorithm']): Estimation {
  const preset = algorithmPresets[config.preset];
  return {
    advantage: config.advantage ?? preset.advantage,
    filter: config.filter ?? preset.filter,
  };
}

/** @param maxCompletionTokens of the rollouts; the divisor of one way of averaging the loss. */
export function resolveAlgorithm(
  config: TrainConfig['algorithm'],
  maxCompletionTokens: number,
): Algorithm {
  const preset = algorithmPresets[config.preset].loss;
  const { loss } = config;
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
      klCoefficient: loss.klCoefficient ?? preset.klCoefficient,
      klEstimator: loss.klEstimator ?? preset.klEstimator,
      klUnbiased: loss.klUnbiased ?? preset.klUnbiased,
      samplerCorrection: config.samplerCorrection ?? preset.samplerCorrection,
    },
    maxSampleRounds: config.maxSampleRounds,
  };
}
