import { expect, it } from 'vitest';
import { keepGroup } from './filter.ts';

const group = (...rewards: number[]) => rewards.map((reward) => ({ reward }));

it('keeps every group that the estimator can use when nothing is filtered', () => {
  expect(keepGroup(group(0.2, 0.2), 'none', 2)).toBe(true);
  expect(keepGroup(group(0.2), 'none', 2)).toBe(false);
  expect(keepGroup(group(0.2), 'none', 1)).toBe(true);
  expect(keepGroup([], 'none', 1)).toBe(false);
});

it('drops groups without variance, whatever their reward', () => {
  for (const filter of ['variance', 'any-part'] as const) {
    for (const reward of [0, 0.145, 0.6625, 1]) {
      expect(keepGroup(group(reward, reward, reward + 1e-8), filter, 2)).toBe(false);
      expect(keepGroup(group(reward, reward, reward + 1e-5), filter, 2)).toBe(false);
    }
    expect(keepGroup(group(0.145, 0.1, 0.145), filter, 2)).toBe(true);
    expect(keepGroup(group(0.145), filter, 1)).toBe(false);
  }
});

it('keeps, on demand, a group whose rewards are equal and whose parts are not', () => {
  const parted = (...values: number[]) => ({
    reward: 0.5,
    parts: values.map((value) => ({ value })),
  });
  const uneven = [parted(1, 0), parted(0, 1)];
  expect(keepGroup(uneven, 'variance', 2)).toBe(false);
  expect(keepGroup(uneven, 'any-part', 2)).toBe(true);
  expect(keepGroup([parted(1, 0), parted(1, 1e-6)], 'any-part', 2)).toBe(false);
});

it('keeps means strictly inside the range, variance or not', () => {
  const range = { low: 0.01, high: 0.99 };
  expect(keepGroup(group(0.145, 0.145), range, 2)).toBe(true);
  expect(keepGroup(group(1, 1), range, 2)).toBe(false);
  expect(keepGroup(group(0.01, 0.01), range, 2)).toBe(false);
});
