/** Why a group told nothing, from the scores of its rollouts. */
import { rewardNoise } from '../advantage/estimators.ts';
import type { RewardOutcome } from '../reward/composite.ts';
import type { Components } from '../reward/score.ts';
import type { ScoredRollout } from './score-rollouts.ts';

/**
 * - `allRight`: every answer is right;
 * - `allWrong`: none is, and none is rewarded for anything;
 * - `formatOnly`: none is, but some are rewarded for their format or for naming the modality;
 * - `other`: equal at something in between, or, where the filter asks for a mean, outside of its range.
 */
export const filterCauses = ['allRight', 'allWrong', 'formatOnly', 'other'] as const;
export type FilterCause = (typeof filterCauses)[number];

/**
 * An answer is right where the judge says so, in a profile without a judge where the similarity is 1, and without
 * either where the first of rubric, findings and components of the user's own is 1. It is wrong where all of these are 0.
 * @param rollouts of one group; unscored ones are passed over
 */
export function filterCause(rollouts: readonly ScoredRollout[]): FilterCause {
  return filterCauseOf(rollouts.map(({ outcome }) => outcome));
}

/** {@link filterCause} of the outcomes alone. */
export function filterCauseOf(outcomes: readonly RewardOutcome[]): FilterCause {
  const scored = outcomes.flatMap((outcome) =>
    outcome.kind === 'scored'
      ? [{ reward: outcome.reward, content: contentOf(outcome.components, outcome.reward) }]
      : [],
  );
  if (scored.every(({ content }) => isWhole(content))) return 'allRight';
  if (!scored.every(({ content }) => content.every((score) => score <= rewardNoise)))
    return 'other';
  return scored.some(({ reward }) => reward > rewardNoise) ? 'formatOnly' : 'allWrong';
}

/** Whether an answer is right, as in {@link filterCause}; one without a reward is not. */
export function isRight(outcome: RewardOutcome): boolean {
  return outcome.kind === 'scored' && isWhole(contentOf(outcome.components, outcome.reward));
}

function isWhole([first = 0]: readonly number[]): boolean {
  return first >= 1 - rewardNoise;
}

/** What an answer got for what it says; where a profile looks at its form alone, the reward. */
function contentOf(
  { judge, similarity, modality: _, format: __, ...own }: Components,
  reward: number,
) {
  const scores = [judge, similarity, ...Object.values(own)].flatMap((score) =>
    score?.kind === 'scored' ? [score.value] : [],
  );
  return scores.length > 0 ? scores : [reward];
}
