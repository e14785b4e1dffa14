import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import { readGolden } from './golden.fixture.ts';
import { drawBeta, drawBinomial } from './random-counts.ts';

type Share = { at: number; share: number };
const golden = readGolden<{
  binomial: { trials: number; share: number; upTo: Share[] }[];
  beta: { a: number; b: number; upTo: Share[] }[];
}>('draws');

const draws = 10_000;

/** Each share of draws up to a point lies within five standard errors of the distribution function. */
function expectDistribution(draw: () => number, upTo: readonly Share[]) {
  const values = Array.from({ length: draws }, draw);
  for (const { at, share } of upTo) {
    const own = values.filter((value) => value <= at).length / draws;
    const error = Math.sqrt((share * (1 - share)) / draws);
    expect(Math.abs(own - share)).toBeLessThanOrEqual(5 * error);
  }
}

describe('has the distribution function of scipy', () => {
  it.each(golden.binomial)('drawBinomial($trials, $share)', ({ trials, share, upTo }) => {
    const rng = rngFromKey('binomial');
    expectDistribution(() => drawBinomial(trials, share, rng), upTo);
  });

  it.each(golden.beta)('drawBeta($a, $b)', ({ a, b, upTo }) => {
    const rng = rngFromKey('beta');
    expectDistribution(() => drawBeta(a, b, rng), upTo);
  });
});
