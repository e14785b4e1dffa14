import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import {
  bootstrapDifference,
  comparePaired,
  mcnemarPValue,
  type PairedAnswer,
  wilsonInterval,
} from './statistics.ts';

type Golden = {
  wilson: { successes: number; trials: number; low: number; high: number }[];
  mcnemar: { onlyBaseline: number; onlyCandidate: number; pValue: number }[];
  bootstrap: {
    clusters: { baseline: number[]; candidate: number[] }[];
    low: number;
    high: number;
  };
};

const golden = JSON.parse(
  readFileSync(new URL('../../test/golden/statistics.json', import.meta.url), 'utf8'),
) as Golden;

const clustered: PairedAnswer[] = golden.bootstrap.clusters.flatMap(
  ({ baseline, candidate }, study) =>
    baseline.map((right, i) => ({
      cluster: `study ${study}`,
      baselineCorrect: right === 1,
      candidateCorrect: candidate[i] === 1,
    })),
);

describe('against scipy', () => {
  it.each(golden.wilson)(
    'wilsonInterval($successes, $trials)',
    ({ successes, trials, low, high }) => {
      const interval = wilsonInterval(successes, trials);
      expect(interval.low).toBeCloseTo(low, 10);
      expect(interval.high).toBeCloseTo(high, 10);
    },
  );

  it.each(golden.mcnemar)(
    'mcnemarPValue($onlyBaseline, $onlyCandidate)',
    ({ onlyBaseline, onlyCandidate, pValue }) => {
      const own = mcnemarPValue(onlyBaseline, onlyCandidate);
      expect(own / pValue).toBeCloseTo(1, 8);
    },
  );

  it('bootstrapDifference resamples whole clusters', () => {
    const interval = bootstrapDifference(clustered, rngFromKey('bootstrap'));
    expect(interval.low).toBeCloseTo(golden.bootstrap.low, 2);
    expect(interval.high).toBeCloseTo(golden.bootstrap.high, 2);
  });
});

describe('comparePaired', () => {
  it('reports accuracies, gain and what only one of them got right', () => {
    const answers = [
      [true, true],
      [false, true],
      [false, true],
      [true, false],
      [false, false],
    ].map(([baselineCorrect, candidateCorrect], i) => ({
      cluster: String(i),
      baselineCorrect: baselineCorrect === true,
      candidateCorrect: candidateCorrect === true,
    }));
    const comparison = comparePaired(answers, rngFromKey('compare'));
    expect(comparison).toMatchObject({
      questions: 5,
      clusters: 5,
      baselineAccuracy: 0.4,
      candidateAccuracy: 0.6,
      gain: 0.2,
      onlyBaseline: 1,
      onlyCandidate: 2,
      pValue: 1,
    });
    expect(comparison.gainInterval.low).toBeLessThan(0.2);
    expect(comparison.gainInterval.high).toBeGreaterThan(0.2);
  });

  it('repeats itself with the same seed', () => {
    const once = () => comparePaired(clustered, rngFromKey('seed'));
    expect(once()).toEqual(once());
  });

  it('is less sure when the same answers come from fewer studies', () => {
    const wide = clustered.map((answer, i) => ({ ...answer, cluster: String(i) }));
    const alike = clustered.flatMap((answer) => [answer, answer, answer]);
    const independent = alike.map((answer, i) => ({ ...answer, cluster: String(i) }));
    const width = (answers: PairedAnswer[]) => {
      const { low, high } = bootstrapDifference(answers, rngFromKey('width'), 2000);
      return high - low;
    };
    expect(width(independent)).toBeLessThan(width(wide));
    expect(width(alike)).toBeGreaterThan(1.2 * width(independent));
  });
});

it('wilsonInterval contains the proportion and stays within 0 and 1', () => {
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
