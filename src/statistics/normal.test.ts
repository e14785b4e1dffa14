import { describe, expect, it } from 'vitest';
import { readGolden } from './golden.fixture.ts';
import { normalCdf, normalQuantile, z95 } from './normal.ts';

const golden = readGolden<{
  normalCdf: { z: number; share: number }[];
  normalQuantile: { share: number; z: number }[];
}>('tests');

describe('against scipy', () => {
  it.each(golden.normalCdf)('normalCdf($z)', ({ z, share }) => {
    expect(normalCdf(z) / share).toBeCloseTo(1, 11);
  });

  it.each(golden.normalQuantile)('normalQuantile($share)', ({ share, z }) => {
    expect(normalQuantile(share)).toBeCloseTo(z, 10);
  });
});

it('the 95 % quantile leaves 2.5 % on either side', () => {
  expect(normalCdf(-z95)).toBeCloseTo(0.025, 14);
  expect(normalCdf(z95)).toBeCloseTo(0.975, 14);
});
