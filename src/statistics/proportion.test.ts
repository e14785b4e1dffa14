import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readGolden } from './golden.fixture.ts';
import { wilsonInterval } from './proportion.ts';

const golden = readGolden<{
  wilson: { successes: number; trials: number; low: number; high: number }[];
}>('tests');

it.each(golden.wilson)(
  'wilsonInterval($successes, $trials) is that of scipy',
  ({ successes, trials, low, high }) => {
    const interval = wilsonInterval(successes, trials);
    expect(interval.low).toBeCloseTo(low, 10);
    expect(interval.high).toBeCloseTo(high, 10);
  },
);

it('contains the proportion and stays within 0 and 1', () => {
  const trials = fc.integer({ min: 1, max: 1000 });
  fc.assert(
    fc.property(trials, fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
      const successes = Math.round(n * share);
      const { low, high } = wilsonInterval(successes, n);
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
      expect(low).toBeLessThanOrEqual(successes / n);
      expect(high).toBeGreaterThanOrEqual(successes / n);
    }),
  );
});

it('refuses more successes than trials', () => {
  expect(() => wilsonInterval(3, 2)).toThrow('expected trials above 0, and successes');
});
