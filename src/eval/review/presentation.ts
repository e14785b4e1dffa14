/** In which order a rater sees items and their answers. */
import { rngFromKey } from '../../core/rng.ts';
import type { Review, ReviewItem } from './review-set.ts';

export type PresentedItem = {
  readonly item: ReviewItem;
  /** Places in the item's answers, from left to right. */
  readonly order: readonly number[];
};

/** The same for a rater each time; drawn anew for every rater, so that no order favours a model. */
export function presentationFor({ seed, items }: Review, rater: string): PresentedItem[] {
  return rngFromKey(`${seed}/review/${rater}`)
    .shuffle(items)
    .map((item) => {
      const places = item.answers.map((_, place) => place);
      return { item, order: rngFromKey(`${seed}/review/${rater}/${item.id}`).shuffle(places) };
    });
}
