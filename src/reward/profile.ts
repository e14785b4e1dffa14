/**
 * How four signals become one reward. `medix-r1-reference` repeats the paper's code, quirks included
 * (reference-rules.ts); `medix-r1`, the default, keeps its signals and weights and repairs its defects:
 * answers of any length and punctuation count, the format is strict, a failure leaves a response
 * unscored instead of wrong, and the similarity of contradicting answers is 0.
 */
import type { Sample } from '../core/sample.ts';
import { type ComponentName, componentNames } from './score.ts';
import type { SimilarityRule } from './similarity.ts';

export type RewardProfileName = 'medix-r1' | 'medix-r1-reference';

export type RewardProfile = {
  /** Also selects the rules that read a response. */
  readonly name: RewardProfileName;
  /** Non-negative, adding up to 1. */
  readonly weights: Readonly<Record<ComponentName, number>>;
  readonly similarity: SimilarityRule;
  /**
   * Components that count for a sample without images; their weights are scaled to add up to 1. The
   * others are still scored and reported.
   */
  readonly textOnlyComponents: readonly ComponentName[];
};

/** arXiv 2602.23363: format 0.1, and 0.9 shared as 0.575 / 0.375 / 0.05. */
const weights = {
  judge: 0.9 * 0.575,
  similarity: 0.9 * 0.375,
  modality: 0.9 * 0.05,
  format: 0.1,
} as const;

const shared = {
  weights,
  similarity: { kind: 'threshold', at: 0.8 },
  // The prompt asks for a tag whether or not there is an image.
  textOnlyComponents: componentNames,
} as const;

export const rewardProfiles: Readonly<Record<RewardProfileName, RewardProfile>> = {
  'medix-r1': { name: 'medix-r1', ...shared },
  'medix-r1-reference': { name: 'medix-r1-reference', ...shared },
};

/** The weight of each component for one sample; adds up to 1. */
export function weightsFor(
  profile: RewardProfile,
  sample: Pick<Sample, 'images'>,
): Readonly<Record<ComponentName, number>> {
  const counting = sample.images.length > 0 ? componentNames : profile.textOnlyComponents;
  if (counting.length === componentNames.length) return profile.weights;
  const total = counting.reduce((sum, name) => sum + profile.weights[name], 0);
  const share = (name: ComponentName) =>
    counting.includes(name) ? profile.weights[name] / total : 0;
  return {
    judge: share('judge'),
    similarity: share('similarity'),
    modality: share('modality'),
    format: share('format'),
  };
}
