import { afterEach, beforeEach, expect, it } from 'vitest';
import { EvaluationFixture, type FixtureRow } from '../stages/evaluation.fixture.ts';
import { missingAnswers, missingVerdicts } from './failures.ts';

let evaluation: EvaluationFixture;
beforeEach(async () => {
  evaluation = await EvaluationFixture.create();
});
afterEach(() => evaluation.remove());

const rows: FixtureRow[] = Array.from({ length: 12 }, (_, n) => ({
  question: `Which organ is number ${n}?`,
  answer: 'liver',
}));
const expected = { variants: ['original' as const], epochs: 1 };
const numberIn = (text: string) => Number(/number (\d+)/.exec(text)?.[1]);

it('counts failures that differ in ids, numbers and quotes alone as one kind, the most frequent first', async () => {
  await evaluation.addTask('organs', rows);
  await evaluation.generate(({ id, problem }) => {
    const n = numberIn(problem);
    if (n < 2) return { kind: 'failed', cause: 'timeout', message: `no reply in ${n} ms` };
    if (n > 8) return 'liver';
    const message = `sample ${id}: expected at most −3072 tokens, got ${n} of "text ${n}"`;
    return { kind: 'failed', cause: 'unusable-prompt', message };
  });
  const missing = await missingAnswers(evaluation.out, ['organs'], expected);
  expect(missing).toMatchObject({
    expected: 12,
    missing: 9,
    kinds: [
      { cause: 'unusable-prompt', count: 7, message: expect.stringContaining('of "text') },
      { cause: 'timeout', count: 2 },
    ],
  });
  await evaluation.generate(() => 'spleen');
  expect(await missingAnswers(evaluation.out, ['organs'], expected)).toEqual({
    expected: 12,
    missing: 0,
    kinds: [],
  });
  const twice = await missingAnswers(evaluation.out, ['organs'], { ...expected, epochs: 2 });
  expect(twice).toMatchObject({ expected: 24, missing: 12, kinds: [{ cause: 'not-asked' }] });
});

it('counts what has no verdict on the answer that counts, and leaves out what nobody answered', async () => {
  await evaluation.addTask('organs', rows);
  await evaluation.generate(({ problem }) =>
    numberIn(problem) === 0 ? { kind: 'failed', cause: 'timeout', message: 'm' } : 'liver',
  );
  expect(await missingVerdicts(evaluation.out, ['organs'], 'judge')).toMatchObject({
    expected: 11,
    missing: 11,
    kinds: [{ cause: 'not-asked', count: 11 }],
  });
  await evaluation.judge({}, (judging) => ({
    ...judging,
    judge: async (item, signal) => {
      const verdict = await judging.judge(item, signal);
      if (numberIn(item.sample.problem) < 9) return verdict;
      const message = `the judge replied "${item.sample.id}"`;
      return { ...verdict, outcome: { kind: 'failed', cause: 'unparsable', message } };
    },
  }));
  expect(await missingVerdicts(evaluation.out, ['organs'], 'judge')).toMatchObject({
    expected: 11,
    missing: 3,
    kinds: [{ cause: 'unparsable', count: 3 }],
  });
});

it('knows of variants that do not apply that nothing is missing', async () => {
  await evaluation.addTask('organs', rows);
  const change = { variants: ['original' as const, 'blank-image' as const] };
  await evaluation.generate(() => 'liver', change);
  const missing = await missingAnswers(evaluation.out, ['organs'], { ...change, epochs: 1 });
  expect(missing).toMatchObject({ expected: 12, missing: 0 });
});
