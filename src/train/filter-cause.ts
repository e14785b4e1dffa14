/** Which answers are right, and why a group told nothing, from the scores of its rollouts. */
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

type Scored = Extract<RewardOutcome, { kind: 'scored' }>;

/**
 * An answer is right where the judge says so, in a profile without a judge where the similarity is 1, and without
 * either where the first of rubric, findings and components of the user's own is 1; one without a reward is not.
 */
export function isRight(outcome: RewardOutcome): boolean {
  if (outcome.kind === 'unscored') return false;
  const [first = 0] = contentOf(outcome.components, outcome.reward);
  return first >= 1 - rewardNoise;
}

/**
 * An answer is wrong where judge, similarity and all other components that look at what it says are 0.
 * @param rollouts of one group; unscored ones are passed over
 */
export function filterCause(rollouts: readonly ScoredRollout[]): FilterCause {
  return filterCauseOf(rollouts.map(({ outcome }) => outcome));
}

/** {@link filterCause} of the outcomes alone. */
export function filterCauseOf(outcomes: readonly RewardOutcome[]): FilterCause {
  const scored = outcomes.flatMap((outcome) => (outcome.kind === 'scored' ? [outcome] : []));
  if (scored.every(isRight)) return 'allRight';
  const isWrong = ({ components, reward }: Scored) =>
    contentOf(components, reward).every((score) => score <= rewardNoise);
  if (!scored.every(isWrong)) return 'other';
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
