import { expect, test } from 'vitest';
import { smooth, stacked } from './smooth.ts';

test('smoothing begins at the first value and leaves gaps where nothing was measured', () => {
  const smoothed = smooth([1, null, 1, 0], 0.5);
  expect(smoothed[0]).toBe(1);
  expect(smoothed[1]).toBeNull();
  expect(smoothed[2]).toBe(1);
  expect(smoothed[3]).toBeCloseTo(3 / 7);
  expect(smooth([3, 5], 0)).toEqual([3, 5]);
});

test('areas lie on each other, and an iteration without any value has none', () => {
  expect(
    stacked([
      [0.25, null, 0.5],
      [0.5, null, null],
    ]),
  ).toEqual([
    [0.25, null, 0.5],
    [0.75, null, 0.5],
  ]);
});
