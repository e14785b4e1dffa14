import { describe, expect, it } from 'vitest';
import { createReferenceMatchJudge } from './reference-match.ts';

const judge = createReferenceMatchJudge();

async function verdict(answer: string, referenceAnswer: string, accepted: readonly string[] = []) {
  const [outcome] = await judge.judge(
    [{ question: 'Where?', answer, referenceAnswer, accepted }],
    new AbortController().signal,
  );
  return outcome?.kind === 'judged' ? outcome.correct : outcome;
}

describe('reference-match judge', () => {
  it('accepts the reference in another spelling', async () => {
    expect(await verdict('The Left lung.', 'left lung')).toBe(true);
  });

  it('accepts a listed paraphrase', async () => {
    expect(await verdict('enlarged heart', 'cardiomegaly', ['Enlarged heart'])).toBe(true);
  });

  it('does not accept a part of the reference, unless it is listed', async () => {
    expect(await verdict('left', 'left lung')).toBe(false);
    expect(await verdict('left', 'left lung', ['left'])).toBe(true);
  });

  it('rejects the negated reference', async () => {
    expect(await verdict('no fracture', 'fracture')).toBe(false);
    expect(await verdict('not a fracture', 'fracture')).toBe(false);
  });

  it('rejects an answer of punctuation alone', async () => {
    expect(await verdict(':', '.')).toBe(false);
  });

  it('answers every item in order', async () => {
    const items = ['a', 'b', 'c'].map((answer) => ({
      question: '',
      answer,
      referenceAnswer: 'b',
      accepted: [],
    }));
    const outcomes = await judge.judge(items, new AbortController().signal);
    expect(outcomes.map((outcome) => outcome.kind === 'judged' && outcome.correct)).toEqual([
      false,
      true,
      false,
    ]);
  });
});
