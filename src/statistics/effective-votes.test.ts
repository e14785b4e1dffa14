import { describe, expect, it } from 'vitest';
import { effectiveVotes } from './effective-votes.ts';
import { readGolden } from './golden.fixture.ts';

const { votes: golden } = readGolden<{
  votes: { errors: number[][]; errorCorrelation: number; votes: number };
}>('agreement');

describe('effectiveVotes', () => {
  it('follows the mean correlation of errors that numpy finds', () => {
    const found = effectiveVotes(golden.errors.map((row) => row.map((one) => one === 1)));
    expect(found?.members).toBe(4);
    expect(found?.errorCorrelation).toBeCloseTo(golden.errorCorrelation, 12);
    expect(found?.votes).toBeCloseTo(golden.votes, 12);
  });

  it('counts a judge asked three times once', () => {
    const errors = [true, false, false, true].map((one) => [one, one, one]);
    expect(effectiveVotes(errors)?.votes).toBeCloseTo(1, 12);
  });

  it('never counts more votes than members', () => {
    const opposed = [true, false, true, false].map((one) => [one, !one]);
    expect(effectiveVotes(opposed)).toMatchObject({ votes: 2, errorCorrelation: -1 });
  });

  it('uses the answers that both members of a pair judged', () => {
    const errors = [
      [true, true],
      [false, undefined],
      [true, true],
      [false, false],
    ];
    expect(effectiveVotes(errors)?.votes).toBeCloseTo(1, 12);
  });

  it('is undefined where no two members vary', () => {
    expect(effectiveVotes([])).toBeUndefined();
    expect(
      effectiveVotes([
        [true, false],
        [false, false],
      ]),
    ).toBeUndefined();
  });
});
