/** What a review found, as one plain JSON record. Intervals are of 95 %. */
import type { Rng } from '../../core/rng.ts';
import { type JudgeAgreement, judgeAgreements } from './judge-agreement.ts';
import { type Label, labelsOf, majorities } from './labels.ts';
import { type Choice, type GradedAnswer, type RatingsByRater, unblind } from './observations.ts';
import { type RaterAgreement, raterAgreement } from './rater-agreement.ts';
import type { Grade, Review, ReviewKey } from './review-set.ts';
import { type Share, shareOf } from './share.ts';

export type PreferenceReport = {
  /** Shares of the first model, the second, both, neither. */
  readonly shares: Readonly<Record<'first' | 'second' | 'both' | 'neither', Share>>;
  /** Share of the first model where one was preferred. */
  readonly decided: Share | null;
  /**
   * Share of the left answer where one was preferred. Sides are drawn at random, so that 0.5 is to be
   * expected whichever model is better.
   */
  readonly left: Share | null;
  /** The interval of `left` does not hold 0.5: the position influences the raters. */
  readonly hasPositionBias: boolean;
};

export type ReviewReport = {
  readonly review: string;
  readonly kind: Review['kind'];
  readonly models: ReviewKey['models'];
  readonly prefer: ReviewKey['prefer'];
  readonly showsReference: boolean;
  readonly items: number;
  /** Items that at least one rater has answered. */
  readonly ratedItems: number;
  readonly raters: readonly { readonly id: string; readonly answered: number }[];
  /** Null for single answers. */
  readonly preference: PreferenceReport | null;
  /** In the order of the models. */
  readonly correctness: readonly Readonly<Record<Grade, Share | null>>[];
  /** Null for a single rater. */
  readonly agreement: RaterAgreement | null;
  readonly judges: readonly JudgeAgreement[];
  readonly labels: { readonly correct: number; readonly wrong: number };
};

type ScoredReview = { readonly report: ReviewReport; readonly labels: readonly Label[] };

/**
 * @param ratings of every rater, also of those who have not begun
 * @param rng of the bootstrap behind Krippendorff's alpha
 */
export function scoreReview(
  review: Review,
  key: ReviewKey,
  ratings: RatingsByRater,
  rng: Rng,
): ScoredReview {
  const observations = unblind(key, ratings);
  const rated = majorities(observations.graded);
  const labels = labelsOf(review, rated);
  const correct = labels.filter((label) => label.correct).length;
  const report: ReviewReport = {
    review: review.id,
    kind: review.kind,
    models: key.models,
    prefer: key.prefer,
    showsReference: review.showsReference,
    items: review.items.length,
    ratedItems: new Set(observations.graded.map(({ item }) => item.id)).size,
    raters: [...ratings].map(([id, ofRater]) => ({ id, answered: ofRater.size })),
    preference: preferenceOf(observations.choices),
    correctness: key.models.map((_, model) =>
      gradesOf(observations.graded.filter((one) => one.model === model)),
    ),
    agreement: ratings.size > 1 ? raterAgreement([...ratings.keys()], observations, rng) : null,
    judges: judgeAgreements(key, rated),
    labels: { correct, wrong: labels.length - correct },
  };
  return { report, labels };
}

function preferenceOf(choices: readonly Choice[]): PreferenceReport | null {
  const share = (of: readonly Choice[], value: Choice['preferred']) =>
    shareOf(
      of.map(({ item, preferred }) => ({ cluster: item.cluster, holds: preferred === value })),
    );
  const first = share(choices, 0);
  const second = share(choices, 1);
  const both = share(choices, 'both');
  const neither = share(choices, 'neither');
  if (!first || !second || !both || !neither) return null;
  const decided = choices.filter(({ side }) => side !== undefined);
  // Sides are drawn anew for every rater and item: without a bias each choice is a trial of its own.
  const left = shareOf(
    decided.map(({ side }, trial) => ({ cluster: String(trial), holds: side === 'left' })),
  );
  return {
    shares: { first, second, both, neither },
    decided: share(decided, 0),
    left,
    hasPositionBias: left !== null && (left.interval.low > 0.5 || left.interval.high < 0.5),
  };
}

function gradesOf(graded: readonly GradedAnswer[]): Record<Grade, Share | null> {
  const share = (value: Grade) =>
    shareOf(graded.map(({ item, grade }) => ({ cluster: item.cluster, holds: grade === value })));
  return {
    correct: share('correct'),
    partly: share('partly'),
    wrong: share('wrong'),
    unclear: share('unclear'),
  };
}
