import { describe, expect, it } from 'vitest';
import { combine, type Outcome } from './combine.ts';

const scored = (...scores: readonly number[]): Outcome[] =>
  scores.map((score) => ({ kind: 'scored', score }));
const failed = (cause: string): Outcome => ({ kind: 'failed', cause, message: `${cause}!` });

describe('combining outcomes', () => {
  it('follows more than half of them', () => {
    expect(combine('open', scored(1, 1, 0))).toEqual({ kind: 'scored', score: 1 });
    expect(combine('closed', scored(0, 1, 0))).toEqual({ kind: 'scored', score: 0 });
    expect(combine('multiple-choice', scored(1))).toEqual({ kind: 'scored', score: 1 });
  });

  it('takes a tie for neither right nor wrong', () => {
    expect(combine('open', scored(1, 0))).toEqual({
      kind: 'failed',
      cause: 'tie',
      message: '1 of 2 say right, 1 wrong',
    });
  });

  it('counts a majority over all that were asked, not over those that answered', () => {
    const votes = [...scored(1, 1), failed('timeout')];
    expect(combine('open', votes)).toEqual({ kind: 'scored', score: 1 });
    expect(combine('open', [...scored(1), failed('timeout')])).toEqual({
      kind: 'failed',
      cause: 'too-few-votes',
      message: '1 of 2 gave an opinion, which decides nothing; of the others timeout: timeout!',
    });
    expect(combine('open', [...scored(0, 0, 1), failed('timeout')]).kind).toBe('failed');
  });

  it('lets the first failure speak where all failed', () => {
    expect(combine('open', [failed('unparsable'), failed('timeout')])).toEqual(
      failed('unparsable'),
    );
  });

  it('averages reports where more than half have a score', () => {
    expect(combine('report', scored(0.5, 1))).toEqual({ kind: 'scored', score: 0.75 });
    const [half] = [combine('report', [...scored(1), failed('timeout')])];
    expect(half).toMatchObject({ kind: 'failed', cause: 'too-few-votes' });
    expect(combine('report', [...scored(1, 0.5), failed('timeout')])).toEqual({
      kind: 'scored',
      score: 0.75,
    });
  });
});
