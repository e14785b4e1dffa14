/** What raters said, with the blinding undone. */
import { defined } from '../../core/errors.ts';
import type { Grade, KeyItem, Rating, ReviewKey } from './review-set.ts';

/** What one rater said of one answer. */
export type GradedAnswer = {
  readonly rater: string;
  readonly item: KeyItem;
  /** Place in the item's answers. */
  readonly place: number;
  /** Place in the key's models. */
  readonly model: number;
  readonly grade: Grade;
};

/** What one rater said of one pair. */
export type Choice = {
  readonly rater: string;
  readonly item: KeyItem;
  /** Place in the key's models, or neither of them above the other. */
  readonly preferred: number | 'both' | 'neither';
  /** Where the preferred answer stood. */
  readonly side: 'left' | 'right' | undefined;
};

export type Observations = {
  readonly graded: readonly GradedAnswer[];
  readonly choices: readonly Choice[];
};

/** By rater, the last rating of each item by its id; ratings of other items or answers than the key's are passed over. */
export type RatingsByRater = ReadonlyMap<string, ReadonlyMap<string, Rating>>;

export function unblind({ items }: ReviewKey, ratings: RatingsByRater): Observations {
  const itemOf = new Map(items.map((item) => [item.id, item]));
  const rated = [...ratings].flatMap(([rater, ofRater]) =>
    [...ofRater.values()].flatMap((rating) => {
      const item = itemOf.get(rating.item);
      return item !== undefined && isOf(item, rating) ? [{ rater, item, rating }] : [];
    }),
  );
  return { graded: rated.flatMap(gradedAnswers), choices: rated.flatMap(choiceOf) };
}

function isOf({ answers }: KeyItem, { order }: Rating): boolean {
  return order.length === answers.length && order.every((place) => place < answers.length);
}

type Rated = { readonly rater: string; readonly item: KeyItem; readonly rating: Rating };

function gradedAnswers({ rater, item, rating }: Rated): GradedAnswer[] {
  return rating.grades.map((grade, side) => {
    const place = defined(rating.order[side], 'place of a graded answer');
    return { rater, item, place, model: modelAt(item, place), grade };
  });
}

function choiceOf({ rater, item, rating }: Rated): Choice[] {
  const { preference, order } = rating;
  if (preference === undefined) return [];
  if (preference === 'both' || preference === 'neither') {
    return [{ rater, item, preferred: preference, side: undefined }];
  }
  const place = defined(order[preference === 'left' ? 0 : 1], 'place of the preferred answer');
  return [{ rater, item, preferred: modelAt(item, place), side: preference }];
}

function modelAt(item: KeyItem, place: number): number {
  return defined(item.answers[place], 'rated answer').model;
}
