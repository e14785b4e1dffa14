import { expect, it } from 'vitest';
import { z95 } from './normal.ts';
import { t95 } from './student.ts';

it.each([
  [1, 12.706204736],
  [2, 4.30265273],
  [3, 3.182446305],
  [4, 2.776445105],
  [11, 2.20098516],
  [28, 2.048407142],
  [29, 2.045229642],
  [60, 2.000297822],
])('with %i degrees of freedom is %f, as tables have it', (degrees, value) => {
  expect(t95(degrees)).toBeCloseTo(value, 8);
});

it('falls towards the normal quantile', () => {
  expect(t95(10_000)).toBeGreaterThan(z95);
  expect(t95(10_000)).toBeCloseTo(z95, 3);
});
