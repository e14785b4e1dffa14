import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import { readGolden } from './golden.fixture.ts';
import { comparePaired, mcnemarPValue } from './mcnemar.ts';

const golden = readGolden<{
  mcnemar: { onlyBaseline: number; onlyCandidate: number; pValue: number }[];
}>('tests');

it.each(golden.mcnemar)(
  'mcnemarPValue($onlyBaseline, $onlyCandidate) is that of scipy',
  ({ onlyBaseline, onlyCandidate, pValue }) => {
    expect(mcnemarPValue(onlyBaseline, onlyCandidate) / pValue).toBeCloseTo(1, 8);
  },
);

describe('comparePaired', () => {
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

  it('reports accuracies, gain and what only one of them got right', () => {
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
    const once = () => comparePaired(answers, rngFromKey('seed'));
    expect(once()).toEqual(once());
  });
});
