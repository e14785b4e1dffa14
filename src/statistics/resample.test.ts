import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import { groupAlike, resample } from './resample.ts';

describe('groupAlike', () => {
  it('counts things by kind in order of appearance', () => {
    const kinds = groupAlike(['b', 'a', 'b'], (one) => one);
    expect(kinds.examples).toEqual(['b', 'a']);
    expect([...kinds.counts]).toEqual([2, 1]);
    expect([...kinds.kindOf]).toEqual([0, 1, 0]);
  });
});

describe.each([
  ['thing by thing', 10],
  ['kind by kind', 400],
])('resample, %s', (_, times) => {
  // Three of six things are of the first kind, two of the second, one of the third.
  const things = Array.from({ length: times * 6 }, (_, i) => 'aaabbc'.charAt(i % 6));
  const kinds = groupAlike(things, (one) => one);

  it('draws as many things as there are, each kind by its share', () => {
    const rng = rngFromKey('resample');
    const sums = [0, 0, 0];
    let squares = 0;
    for (let draw = 0; draw < 2000; draw++) {
      const drawn = resample(kinds, rng);
      expect(drawn.reduce((sum, one) => sum + one, 0)).toBe(things.length);
      for (const [kind, count] of drawn.entries()) sums[kind] = (sums[kind] ?? 0) + count;
      squares += ((drawn[1] ?? 0) - things.length / 3) ** 2;
    }
    const shares = sums.map((sum) => sum / (2000 * things.length));
    expect(shares[0]).toBeCloseTo(1 / 2, 2);
    expect(shares[1]).toBeCloseTo(1 / 3, 2);
    expect(shares[2]).toBeCloseTo(1 / 6, 2);
    // Multinomial: variance n·p·(1 − p).
    const variance = squares / 2000 / (things.length * (2 / 9));
    expect(Math.abs(variance - 1)).toBeLessThan(0.15);
  });
});
