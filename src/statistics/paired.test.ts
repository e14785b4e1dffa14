import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import { sumByCluster } from './clusters.ts';
import { readGolden } from './golden.fixture.ts';
import { mcnemarPValue } from './mcnemar.ts';
import { pairedDifference, signFlipPValue } from './paired.ts';

const golden = readGolden<{ signFlip: { gains: number[]; pValue: number } }>('clusters');

describe('signFlipPValue', () => {
  const gainsOf = (values: readonly number[]) =>
    sumByCluster(values.map((value, i) => ({ cluster: String(i), value })));

  it('nears the exact permutation test of scipy', () => {
    const { gains, pValue } = golden.signFlip;
    const own = signFlipPValue(gainsOf(gains), rngFromKey('flip'), 20_000);
    expect(Math.abs(own - pValue)).toBeLessThan(4 * Math.sqrt((pValue * (1 - pValue)) / 20_000));
  });

  it('nears exact McNemar on independent right-or-wrong answers', () => {
    const gains = gainsOf([...Array(9).fill(-1), ...Array(20).fill(1), ...Array(50).fill(0)]);
    expect(signFlipPValue(gains, rngFromKey('binary'))).toBeCloseTo(mcnemarPValue(9, 20), 1);
  });

  it('is 1 for a single cluster and for no difference', () => {
    expect(signFlipPValue(gainsOf([3]), rngFromKey('one'), 100)).toBe(1);
    expect(signFlipPValue(gainsOf([1, -1]), rngFromKey('none'), 100)).toBe(1);
  });

  it('claims a difference that is not there in about 5 of 100 samples', () => {
    const rng = rngFromKey('level');
    let claims = 0;
    for (let sample = 0; sample < 400; sample++) {
      const gains = gainsOf(Array.from({ length: 20 }, () => rng.normal()));
      if (signFlipPValue(gains, rng, 200) <= 0.05) claims++;
    }
    expect(claims / 400).toBeGreaterThan(0.02);
    expect(claims / 400).toBeLessThan(0.08);
  });
});

describe('pairedDifference', () => {
  it('compares graded scores of the same questions', () => {
    const scores = [
      [1, 3],
      [2, 2],
      [0, 4],
      [5, 4],
    ].map(([baseline = 0, candidate = 0], i) => ({ cluster: String(i), baseline, candidate }));
    const found = pairedDifference(scores, rngFromKey('graded'), 500);
    expect(found).toMatchObject({
      questions: 4,
      clusters: 4,
      baselineMean: 2,
      candidateMean: 3.25,
      difference: 1.25,
    });
    expect(found.interval.low).toBeLessThan(1.25);
    expect(found.interval.high).toBeGreaterThan(1.25);
    expect(found.draws).toHaveLength(500);
  });
});
