import { expect, it } from 'vitest';
import { type AnswerTrace, type JudgedTrace, rateTraces } from './rate-disagreement.ts';

const place = { offset: 0, bytes: 1 };

function judged(score: number | null, change: Partial<JudgedTrace> = {}): JudgedTrace {
  return { judgingName: 'judge', score, votes: [], ruleCorrect: null, verdict: place, ...change };
}

function answer(id: string, all: JudgedTrace[], epoch = 0): AnswerTrace {
  const key = { sampleId: id, variant: 'original', epoch } as const;
  return { key, index: Number(id), response: place, judged: all };
}

function rate(...answers: AnswerTrace[]) {
  return rateTraces('organs', answers, 'judge').map(({ answers: shown, ...found }) => ({
    ...found,
    shown: shown.map(({ key }) => `${key.sampleId}/${key.epoch}`),
  }));
}

it('finds nothing where all agree, or nothing was judged', () => {
  const agreed = judged(1, { votes: [1, 1, 1], ruleCorrect: true });
  expect(rate(answer('1', [agreed]), answer('2', [judged(null)]), answer('3', []))).toEqual([]);
});

it('finds where the rule contradicts the judge, and says who takes the answer for right', () => {
  const found = rate(
    answer('1', [judged(1, { ruleCorrect: false })]),
    answer('2', [judged(0, { ruleCorrect: true })]),
  );
  expect(found.map(({ reasons }) => reasons)).toEqual([
    ['right by the judge only'],
    ['right by the rule only'],
  ]);
});

it('takes an even split of votes for the strongest', () => {
  const found = rate(
    answer('1', [judged(1, { votes: [1, 1, 1, 0] })]),
    answer('2', [judged(null, { votes: [1, 1, 0, 0] })]),
  );
  expect(found.map(({ shown }) => shown[0])).toEqual(['2/0', '1/0']);
  expect(found[0]?.strength).toBe(1);
  expect(found[1]?.strength).toBeCloseTo(Math.sqrt(3) / 2);
});

it('finds judgings that differ, and more so the further apart', () => {
  const found = rate(
    answer('1', [judged(0.4), judged(0.6, { judgingName: 'second' })]),
    answer('2', [judged(1), judged(0, { judgingName: 'second' })]),
  );
  expect(found.map(({ shown, reasons }) => [shown[0], ...reasons])).toEqual([
    ['2/0', 'judgings differ'],
    ['1/0', 'judgings differ'],
  ]);
});

it('shows the right and the wrong answer where epochs differ', () => {
  const found = rate(
    answer('1', [judged(0)], 0),
    answer('1', [judged(1)], 1),
    answer('1', [judged(1)], 2),
  );
  expect(found).toEqual([
    { taskId: 'organs', reasons: ['epochs differ'], strength: 1, shown: ['1/1', '1/0'] },
  ]);
});

it('adds up the contradictions of a question, and sorts equal ones by their place', () => {
  const split = { votes: [1, 0], ruleCorrect: false };
  const found = rate(
    answer('10', [judged(1, { ruleCorrect: false })]),
    answer('9', [judged(1, { ruleCorrect: false })]),
    answer('11', [judged(1, split)]),
  );
  expect(found.map(({ shown }) => shown[0])).toEqual(['11/0', '9/0', '10/0']);
  expect(found[0]?.reasons).toEqual(['right by the judge only', 'votes of judge differ']);
});
