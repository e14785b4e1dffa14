import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cohenKappa, type Kappa, type RatingPair, weightedKappa } from './agreement.ts';
import { readGolden } from './golden.fixture.ts';
import { z95 } from './normal.ts';

type Expected = { kappa: number; standardError: number };
type Case = {
  name: string;
  pairs: RatingPair<number>[];
  none: Expected;
  linear: Expected;
  quadratic: Expected;
};

const golden = readGolden<{ kappa: Case[] }>('agreement');

describe.each(golden.kappa)('against statsmodels: $name', ({ pairs, none, linear, quadratic }) => {
  it.each([
    ['unweighted', cohenKappa(pairs), none],
    ['linear', weightedKappa(pairs, 'linear'), linear],
    ['quadratic', weightedKappa(pairs, 'quadratic'), quadratic],
  ])('%s', (_, own: Kappa, { kappa, standardError }: Expected) => {
    expect(own.kappa).toBeCloseTo(kappa, 10);
    expect(own.interval.low).toBeCloseTo(Math.max(-1, kappa - z95 * standardError), 10);
    expect(own.interval.high).toBeCloseTo(Math.min(1, kappa + z95 * standardError), 10);
  });
});

describe('cohenKappa', () => {
  it('is surer of perfect agreement the more pairs there are, and never certain', () => {
    const agreed = (times: number) =>
      cohenKappa(
        Array.from(
          { length: times },
          () =>
            [
              [true, true],
              [false, false],
            ] as const,
        ).flat(),
      );
    const [few, many] = [agreed(5), agreed(500)];
    expect(few.kappa).toBe(1);
    expect(few.interval.high).toBe(1);
    expect(few.interval.low).toBeLessThan(0.5);
    expect(many.interval.low).toBeGreaterThan(0.99);
    expect(many.interval.low).toBeLessThan(1);
  });

  it('takes ratings of any name', () => {
    const named = cohenKappa([
      ['yes', 'yes'],
      ['no', 'no'],
      ['yes', 'no'],
      ['yes', 'yes'],
    ]);
    const plain = cohenKappa([
      [true, true],
      [false, false],
      [true, false],
      [true, true],
    ]);
    expect(named).toEqual(plain);
  });

  it('refuses pairs of one and the same rating, for which it is undefined', () => {
    expect(() => cohenKappa([[true, true]])).toThrow('at least two different ratings');
  });

  it('covers the true value in about 95 of 100 samples', () => {
    // Raters that agree with a coin's truth 9 in 10 times: kappa is (0.82 − 0.5) / 0.5.
    const rating = fc.record({ truth: fc.boolean(), one: fc.nat(9), other: fc.nat(9) });
    const samples = fc.sample(fc.array(rating, { minLength: 150, maxLength: 150, size: 'max' }), {
      numRuns: 200,
      seed: 1,
    });
    const covered = samples.filter((ratings) => {
      const { interval } = cohenKappa(
        ratings.map(({ truth, one, other }) => [truth !== (one === 9), truth !== (other === 9)]),
      );
      return interval.low <= 0.64 && 0.64 <= interval.high;
    });
    expect(covered.length / samples.length).toBeGreaterThan(0.9);
    expect(covered.length / samples.length).toBeLessThan(0.99);
  });
});
