import { expect, it } from 'vitest';
import { keepGroup } from './filter.ts';

it('keeps every group that has a baseline when nothing is filtered', () => {
  expect(keepGroup([0.2, 0.2], 'none')).toBe(true);
  expect(keepGroup([0.2], 'none')).toBe(false);
  expect(keepGroup([], 'none')).toBe(false);
});

it('drops groups without variance, whatever their reward', () => {
  for (const reward of [0, 0.145, 0.6625, 1]) {
    expect(keepGroup([reward, reward, reward + 1e-8], 'variance')).toBe(false);
    expect(keepGroup([reward, reward, reward + 1e-5], 'variance')).toBe(false);
  }
  expect(keepGroup([0.145, 0.1, 0.145], 'variance')).toBe(true);
});

it('keeps means strictly inside the range, variance or not', () => {
  const range = { low: 0.01, high: 0.99 };
  expect(keepGroup([0.145, 0.145], range)).toBe(true);
  expect(keepGroup([1, 1], range)).toBe(false);
  expect(keepGroup([0.01, 0.01], range)).toBe(false);
});
