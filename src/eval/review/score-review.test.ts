import { expect, it } from 'vitest';
import { rngFromKey } from '../../core/rng.ts';
import type { RatingsByRater } from './observations.ts';
import { presentationFor } from './presentation.ts';
import type { Grade, KeyItem, Rating, Review, ReviewKey } from './review-set.ts';
import { scoreReview } from './score-review.ts';

const count = 40;
const ids = Array.from({ length: count }, (_, place) => `item-${place + 10}`);

const review: Review = {
  id: 'a review',
  createdAt: '2026-01-01T00:00:00.000Z',
  kind: 'pairs',
  seed: 3,
  isRestricted: false,
  showsReference: false,
  items: ids.map((id) => ({ id, question: 'Which?', images: [], answers: [`${id} x`, `${id} y`] })),
};

/** Model 1 answers first in every other item; a judge accepts model 0 always, model 1 in half the items. */
const key: ReviewKey = {
  review: review.id,
  models: [
    { id: 'good', folder: 'g' },
    { id: 'bad', folder: 'b' },
  ],
  judgings: [{ name: 'judge', judges: ['j'], digest: '1' }],
  prefer: 'none',
  tasks: {},
  items: ids.map((id, place): KeyItem => {
    const good = { model: 0, scores: [1] };
    const bad = { model: 1, scores: [place < count / 2 ? 1 : 0] };
    return {
      id,
      task: 'scans',
      sampleId: id,
      kind: 'open',
      cluster: id,
      reference: 'Liver',
      accepted: [],
      answers: place % 2 === 0 ? [good, bad] : [bad, good],
    };
  }),
};

type Opinion = { readonly preferred: number; readonly grades: readonly [Grade, Grade] };

/** Ratings as the page would write them, from what a rater thinks of models 0 and 1. */
function ratingsOf(rater: string, opinion: (item: KeyItem) => Opinion): Map<string, Rating> {
  return new Map(
    presentationFor(review, rater).map(({ item, order }) => {
      const keyItem = key.items.find(({ id }) => id === item.id);
      if (!keyItem) throw new Error(item.id);
      const { preferred, grades } = opinion(keyItem);
      const models = order.map((place) => keyItem.answers[place]?.model ?? -1);
      const rating: Rating = {
        item: item.id,
        at: review.createdAt,
        order: [...order],
        preference: models[0] === preferred ? 'left' : 'right',
        grades: models.map((model) => grades[model] ?? 'unclear'),
        comment: '',
      };
      return [item.id, rating];
    }),
  );
}

const score = (ratings: RatingsByRater) => scoreReview(review, key, ratings, rngFromKey('score'));

const honest = ratingsOf('one', () => ({ preferred: 0, grades: ['correct', 'wrong'] }));

it('counts for each model what was said of it, wherever it stood', () => {
  const { report } = score(new Map([['one', honest]]));
  expect(report).toMatchObject({ items: count, ratedItems: count, agreement: null });
  expect(report.preference?.shares.first).toMatchObject({ value: 1, of: count });
  expect(report.preference?.decided?.interval.low).toBeGreaterThan(0.9);
  expect(report.preference?.hasPositionBias).toBe(false);
  expect(report.correctness[0]?.correct?.value).toBe(1);
  expect(report.correctness[1]?.wrong?.value).toBe(1);
});

it('finds a rater who looks at the place', () => {
  const leftist = new Map(
    [...honest].map(([id, rating]) => [id, { ...rating, preference: 'left' as const }]),
  );
  const { report } = score(new Map([['one', leftist]]));
  expect(report.preference?.left?.value).toBe(1);
  expect(report.preference?.hasPositionBias).toBe(true);
});

it('compares the stored verdicts of judges with what most raters say', () => {
  const { report, labels } = score(new Map([['one', honest]]));
  expect(report.judges).toMatchObject([
    { name: 'judge', answers: 2 * count, sensitivity: { value: 1 }, specificity: { value: 0.5 } },
  ]);
  expect(report.judges[0]?.kappa?.kappa).toBeCloseTo(0.5, 9);
  expect(report.labels).toEqual({ correct: count, wrong: count });
  const [first] = labels;
  expect(first).toEqual({
    id: 'item-10-1',
    category: 'scans',
    question: 'Which?',
    reference: 'Liver',
    answer: 'item-10 x',
    correct: true,
  });
});

it('takes no label from raters who disagree, nor from partly correct answers', () => {
  const other = ratingsOf('two', ({ id }) => ({
    preferred: 0,
    grades: [id === 'item-10' ? 'wrong' : 'correct', id === 'item-11' ? 'partly' : 'wrong'],
  }));
  const unsure = ratingsOf('three', () => ({ preferred: 1, grades: ['unclear', 'unclear'] }));
  const { report, labels } = score(
    new Map([
      ['one', honest],
      ['two', other],
      ['three', unsure],
    ]),
  );
  expect(report.judges[0]?.leftOut).toEqual({ noVerdict: 0, noMajority: 2 });
  expect(labels).toHaveLength(2 * count - 2);
  expect(report.agreement?.correctness?.pairs).toMatchObject([
    { one: 'one', other: 'two', things: 2 * count, agreement: 78 / 80 },
  ]);
  expect(report.agreement?.correctness?.alpha?.alpha).toBeGreaterThan(0.9);
  expect(report.agreement?.preference?.alpha?.alpha).toBeLessThan(0);
});

it('scores a review that nobody has begun', () => {
  const { report, labels } = score(new Map([['one', new Map()]]));
  expect(report).toMatchObject({ ratedItems: 0, preference: null });
  expect(report.judges[0]).toMatchObject({ answers: 0, sensitivity: null, kappa: null });
  expect(labels).toEqual([]);
});
