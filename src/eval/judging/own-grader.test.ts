import { describe, expect, it } from 'vitest';
import { evalConfigSchema } from '../../config/eval-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import type { JudgeItem } from '../../judge/judge.ts';
import type { OwnJudge } from '../../judge/own-judge.ts';
import type { JudgingItem } from './judging.ts';
import { openJudging } from './open-judging.ts';

const never = new AbortController().signal;

const sample: JudgingItem['sample'] = {
  id: '1',
  kind: 'open',
  problem: 'Which organ?',
  stem: 'Which organ?',
  choices: [],
  referenceAnswer: 'liver',
  accepted: ['hepar'],
  images: [],
};

function open(mine: OwnJudge, change: object = {}) {
  const { judging } = evalConfigSchema.parse({
    model: { kind: 'module', module: './mine.ts#model' },
    tasks: ['medqa'],
    judging: { judges: [{ kind: 'module', module: './mine.ts#judge' }], ...change },
  });
  const load = async (reference: string) => ({ reference, value: mine, digest: 'd' });
  return openJudging(judging, { apiKeys: [], clock: systemClock, seed: 1, modelNames: [], load });
}

function recording(answers: (item: JudgeItem) => boolean) {
  const seen: JudgeItem[] = [];
  const mine: OwnJudge = {
    describe: { id: 'mine' },
    judge: (items) => {
      seen.push(...items);
      return items.map((item) => ({ kind: 'judged', correct: answers(item), reply: 'so be it' }));
    },
  };
  return { mine, seen };
}

describe('a judge of the user in an evaluation', () => {
  it('says which answers are right', async () => {
    const { mine, seen } = recording(({ answer }) => answer === 'hepar');
    const judging = await open(mine);
    const response = '<think>Hm.</think>hepar';
    expect(await judging.judge({ sample, response, truncated: false }, never)).toMatchObject({
      answer: 'hepar',
      outcome: { kind: 'scored', score: 1 },
      votes: [{ judge: 'mine', outcome: { kind: 'judged', score: 1, reply: 'so be it' } }],
    });
    expect(seen).toEqual([
      { question: 'Which organ?', answer: 'hepar', referenceAnswer: 'liver', accepted: ['hepar'] },
    ]);
    await judging.close();
  });

  it('is warned about without a certificate, as language models are', async () => {
    const { warnings } = await open(recording(() => true).mine);
    expect(warnings).toEqual([expect.stringContaining('judge mine may be unfit')]);
  });

  it('leaves reports to language models', async () => {
    const judging = await open(recording(() => true).mine);
    expect(judging.gradesReports).toBe(false);
    const report = { sample: { ...sample, kind: 'report' as const }, truncated: false };
    expect(await judging.judge({ ...report, response: 'No effusion.' }, never)).toMatchObject({
      outcome: { kind: 'failed', cause: 'refused' },
    });
  });

  it('fails an answer that it throws on', async () => {
    const broken = {
      ...recording(() => true).mine,
      judge: () => {
        throw new Error('no dictionary');
      },
    };
    const judging = await open(broken);
    expect(
      await judging.judge({ sample, response: 'hepar', truncated: false }, never),
    ).toMatchObject({
      outcome: { kind: 'failed', message: 'judge mine threw: no dictionary' },
    });
  });

  it.each([
    [{ votes: 2 }, /judging\.votes: expected 1, because only language models/],
    [{ mode: 'medix-r1-reference' }, /judging\.judges: expected one language model/],
  ])('takes no part in what needs a language model: %j', async (change, message) => {
    await expect(open(recording(() => true).mine, change)).rejects.toThrow(message);
  });
});
