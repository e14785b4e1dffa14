/** The algorithm of a run: a published preset with the config's deviations laid over it. */
import type { AdvantageName } from '../advantage/estimators.ts';
import type { GroupFilter } from '../advantage/filter.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { PolicyLossSettings } from '../update/policy-loss.ts';
import { algorithmPresets } from '../update/presets.ts';

export type Algorithm = {
  readonly advantage: AdvantageName;
  readonly filter: GroupFilter;
  readonly loss: PolicyLossSettings;
  /** Rounds of sampling to fill one iteration, at least 1. */
  readonly maxSampleRounds: number;
};

export function resolveAlgorithm(config: TrainConfig['algorithm']): Algorithm {
  const preset = algorithmPresets[config.preset];
  const { loss } = config;
  return {
    advantage: config.advantage ?? preset.advantage,
    filter: config.filter ?? preset.filter,
    loss: {
      kind: loss.kind ?? preset.loss.kind,
      clipLow: loss.clipLow ?? preset.loss.clipLow,
      clipHigh: loss.clipHigh ?? preset.loss.clipHigh,
      clipDual: loss.clipDual ?? preset.loss.clipDual,
      lossAverage: loss.lossAverage ?? preset.loss.lossAverage,
      klCoefficient: loss.klCoefficient ?? preset.loss.klCoefficient,
      klEstimator: loss.klEstimator ?? preset.loss.klEstimator,
    },
    maxSampleRounds: config.maxSampleRounds,
  };
}
