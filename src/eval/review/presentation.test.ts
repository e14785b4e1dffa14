import { expect, it } from 'vitest';
import { presentationFor } from './presentation.ts';
import type { Review } from './review-set.ts';

const review: Review = {
  id: 'a review',
  createdAt: '2026-01-01T00:00:00.000Z',
  kind: 'pairs',
  seed: 1,
  isRestricted: false,
  showsReference: false,
  items: Array.from({ length: 200 }, (_, place) => ({
    id: `item-${place}`,
    question: '',
    images: [],
    answers: ['x', 'y'],
  })),
};

const ids = (rater: string) => presentationFor(review, rater).map(({ item }) => item.id);

it('shows a rater all items in an order of their own, the same each time', () => {
  expect(ids('one')).toEqual(ids('one'));
  expect(ids('one')).not.toEqual(ids('two'));
  expect(new Set(ids('one')).size).toBe(200);
});

it('shows either answer on the left about as often', () => {
  const swapped = presentationFor(review, 'one').filter(({ order }) => order[0] === 1).length;
  expect(swapped).toBeGreaterThan(75);
  expect(swapped).toBeLessThan(125);
});
