import { expect, it } from 'vitest';
import { type LearningRateSchedule, learningRateAt } from './schedule.ts';

const schedule: LearningRateSchedule = {
  kind: 'cosine',
  peak: 8,
  warmupSteps: 4,
  totalSteps: 12,
};
const rates = (kind: LearningRateSchedule['kind']) =>
  Array.from({ length: 14 }, (_, step) => learningRateAt({ ...schedule, kind }, step));

it('rises linearly to the peak and stays', () => {
  expect(rates('constant')).toEqual([2, 4, 6, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8]);
});

it('falls along a cosine to zero at the end, and stays there', () => {
  const cosine = rates('cosine');
  expect(cosine.slice(0, 5)).toEqual([2, 4, 6, 8, 8]);
  expect(cosine[8]).toBeCloseTo(4, 12);
  expect(cosine[11]).toBeGreaterThan(0);
  expect(cosine.slice(12)).toEqual([0, 0]);
});

it('starts at the peak without warm-up', () => {
  expect(learningRateAt({ ...schedule, warmupSteps: 0 }, 0)).toBe(8);
});
