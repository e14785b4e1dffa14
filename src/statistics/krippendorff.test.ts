import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import { readGolden } from './golden.fixture.ts';
import { krippendorffAlpha, type RatingLevel, type Ratings } from './krippendorff.ts';

type Case = { name: string; units: (number | null)[][] } & Record<RatingLevel, number>;
const golden = readGolden<{ alpha: Case[] }>('agreement');
const levels: readonly RatingLevel[] = ['nominal', 'ordinal', 'interval'];

describe.each(golden.alpha)('against krippendorff: $name', (found) => {
  const things: Ratings[] = found.units.map((row) => row.map((one) => one ?? undefined));

  it.each(levels)('%s', (level) => {
    const own = krippendorffAlpha(things, level, rngFromKey('alpha'), 200);
    expect(own?.alpha).toBeCloseTo(found[level], 10);
  });
});

describe('krippendorffAlpha', () => {
  const alphaOf = (things: Ratings[]) =>
    krippendorffAlpha(things, 'nominal', rngFromKey('alpha'), 300);

  it('is undefined where nothing can differ', () => {
    expect(alphaOf([])).toBeUndefined();
    expect(
      alphaOf([
        [1, undefined],
        [undefined, 2],
      ]),
    ).toBeUndefined();
    expect(
      alphaOf([
        [1, 1],
        [1, 1],
      ]),
    ).toBeUndefined();
  });

  it('counts only things with two ratings', () => {
    expect(
      alphaOf([
        [1, 1],
        [0, 0],
        [1, undefined],
      ])?.units,
    ).toBe(2);
  });

  it('is not certain of perfect agreement on few things', () => {
    const agreed = (times: number) =>
      alphaOf(Array.from({ length: times }, (_, i) => [i % 2, i % 2, i % 2]));
    expect(agreed(10)).toMatchObject({ alpha: 1, interval: { high: 1 } });
    expect(agreed(10)?.interval.low).toBeLessThan(0.6);
    expect(agreed(1000)?.interval.low).toBeGreaterThan(0.98);
  });

  it('does not depend on the names of the values or the order of raters', () => {
    const things: Ratings[] = [
      [0, 0, 1],
      [1, 1, 1],
      [0, undefined, 0],
      [1, 0, 0],
    ];
    const renamed = things.map((row) => row.map((one) => one && 7).toReversed());
    expect(alphaOf(renamed)?.alpha).toBeCloseTo(alphaOf(things)?.alpha ?? 0, 12);
  });

  it('covers the true value in about 95 of 100 samples', () => {
    const rng = rngFromKey('coverage');
    const rate = (truth: boolean) => Number(rng.next() < 0.1 ? !truth : truth);
    // Two raters, each right about a coin 9 in 10 times: alpha is 1 − 0.18 / 0.5.
    let covered = 0;
    for (let sample = 0; sample < 150; sample++) {
      const things = Array.from({ length: 100 }, () => {
        const truth = rng.next() < 0.5;
        return [rate(truth), rate(truth)];
      });
      const interval = krippendorffAlpha(things, 'nominal', rng, 200)?.interval;
      if (interval && interval.low <= 0.64 && 0.64 <= interval.high) covered++;
    }
    expect(covered / 150).toBeGreaterThan(0.88);
    expect(covered / 150).toBeLessThan(0.995);
  });
});
