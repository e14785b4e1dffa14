/** Why a group told nothing, from the scores of its rollouts. */
import { rewardNoise } from '../advantage/estimators.ts';
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
  const scored = rollouts.flatMap(({ outcome }) =>
    outcome.kind === 'scored'
      ? [{ reward: outcome.reward, content: contentOf(outcome.components, outcome.reward) }]
      : [],
  );
  if (scored.every(({ content }) => (content[0] ?? 0) >= 1 - rewardNoise)) return 'allRight';
  if (!scored.every(({ content }) => content.every((score) => score <= rewardNoise)))
    return 'other';
  return scored.some(({ reward }) => reward > rewardNoise) ? 'formatOnly' : 'allWrong';
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
