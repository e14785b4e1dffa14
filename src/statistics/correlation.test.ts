import { describe, expect, it } from 'vitest';
import { kendall, spearman } from './correlation.ts';
import { readGolden } from './golden.fixture.ts';

const golden = readGolden<{
  correlation: { name: string; xs: number[]; ys: number[]; spearman: number; kendall: number }[];
}>('ranks');

describe.each(golden.correlation)('against scipy: $name', (found) => {
  it('spearman', () => {
    expect(spearman(found.xs, found.ys)).toBeCloseTo(found.spearman, 12);
  });

  it('kendall', () => {
    expect(kendall(found.xs, found.ys)).toBeCloseTo(found.kendall, 12);
  });
});

it.each([spearman, kendall])('is undefined where a series does not vary', (correlate) => {
  expect(correlate([1, 1, 1], [1, 2, 3])).toBeUndefined();
  expect(correlate([1, 2, 3], [0, 0, 0])).toBeUndefined();
  expect(correlate([], [])).toBeUndefined();
});

it('kendall ranks a hundred thousand pairs', () => {
  const xs = Array.from({ length: 100_000 }, (_, i) => i % 317);
  expect(kendall(xs, xs)).toBeCloseTo(1, 12);
});
