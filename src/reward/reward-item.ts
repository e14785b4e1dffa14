/** What a reward is computed from, and how a ground truth written as one text becomes part of it. */
import { isModality, type Modality, modalities } from '../core/modality.ts';
import type { Sample } from '../core/sample.ts';
import type { RewardProfile } from './profile.ts';

/** A {@link Sample} is one. */
export type RewardSample = Pick<
  Sample,
  'problem' | 'images' | 'referenceAnswer' | 'accepted' | 'rubric' | 'reading'
> & {
  /** Absent where it is unknown; the component `modality` then does not apply. */
  readonly modality?: Modality;
  /**
   * The ground truth as the data set has it; only the paper's rules look at it, since the paper's code parses
   * it again. Absent: `<modality>reference`.
   */
  readonly groundTruth?: string;
};

export type RewardItem = {
  readonly sample: RewardSample;
  /** The complete output of the policy. */
  readonly response: string;
};

type GroundTruth = Pick<RewardSample, 'modality' | 'referenceAnswer' | 'groundTruth'>;

type GroundTruthOutcome =
  | { readonly kind: 'read'; readonly truth: GroundTruth }
  | { readonly kind: 'malformed'; readonly problem: string };

/**
 * Reads `<TAG>answer`, or an answer without a tag.
 *
 * The paper's rules take any text, as the paper's code does: without a tag no answer is right. The other
 * rules refuse an unknown tag and an empty answer; without a tag they leave the modality out of the reward.
 * @example
 * ```ts
 * readGroundTruth('<CT_SCAN>liver', { rules: 'medix-r1' });
 * // { kind: 'read', truth: { modality: 'CT_SCAN', referenceAnswer: 'liver', … } }
 * ```
 */
export function readGroundTruth(
  groundTruth: string,
  { rules }: Pick<RewardProfile, 'rules'>,
): GroundTruthOutcome {
  const [tagged, tag] = /^\s*<([^<>\s]+)>/.exec(groundTruth) ?? [''];
  const referenceAnswer = groundTruth.slice(tagged.length).trim();
  const isKnown = tag !== undefined && isModality(tag);
  if (rules !== 'medix-r1-reference') {
    if (tag !== undefined && !isKnown) {
      return {
        kind: 'malformed',
        problem: `unknown modality tag "${tag}"; expected one of ${modalities.join(', ')}`,
      };
    }
    if (referenceAnswer === '')
      return { kind: 'malformed', problem: 'the ground truth has no answer' };
  }
  return {
    kind: 'read',
    truth: { referenceAnswer, groundTruth, ...(isKnown ? { modality: tag } : {}) },
  };
}
