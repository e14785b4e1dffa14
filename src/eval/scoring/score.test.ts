import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rngFromKey } from '../../core/rng.ts';
import type { Judging } from '../judging/judging.ts';
import {
  type EvalReport,
  evalReportSchema,
  type TaskReport,
  type TaskScores,
} from '../results/report.ts';
import {
  EvaluationFixture,
  type FixtureRow,
  failure,
  type Say,
} from '../stages/evaluation.fixture.ts';

const organs = ['liver', 'spleen', 'kidney'];

/** Two questions a patient. */
const rowsOf = (count: number, prefix = ''): FixtureRow[] =>
  Array.from({ length: count }, (_, n) => ({
    question: `Which organ is ${prefix}${n}?`,
    answer: organs[n % 3] ?? '',
    patient: `patient ${Math.floor(n / 2)}`,
    organ: n % 2 === 0 ? 'abdominal' : 'pelvic',
  }));

/** Right where the number in the question passes the test. */
const rightWhere =
  (test: (n: number) => boolean): Say =>
  ({ problem, referenceAnswer }) =>
    test(Number(/(\d+)\?/.exec(problem)?.[1])) ? referenceAnswer : 'no idea';

let evaluation: EvaluationFixture;
beforeEach(async () => {
  evaluation = await EvaluationFixture.create();
});
afterEach(() => evaluation.remove());

async function evaluate(say: Say, change = {}): Promise<EvalReport> {
  await evaluation.generate(say, change);
  await evaluation.judge(change);
  return evaluation.score(change);
}

function scoresOf(task: TaskReport | undefined): TaskScores {
  if (task?.result.kind !== 'scored') throw new Error(`no score: ${JSON.stringify(task)}`);
  return task.result;
}

describe('the report of a task', () => {
  it('gives score, interval by patients, subgroups, tokens and full coverage', async () => {
    await evaluation.addTask('organs', rowsOf(40));
    const { tasks } = await evaluate(rightWhere((n) => n % 4 === 0 || n % 3 === 0));
    const [task] = tasks;
    expect(task).toMatchObject({
      coverage: { expected: 40, answered: 40, scored: 40, isComplete: true },
      kinds: { open: 40 },
      failures: { answering: {}, judging: {} },
      tokens: { answers: 40, prompt: 400, completion: 80 },
      truncated: 0,
    });
    const { figure, subgroups, rule, epochs } = scoresOf(task);
    expect(figure).toMatchObject({ score: 0.5, method: 'cluster-bootstrap', clusters: 20 });
    expect(figure.interval?.low).toBeGreaterThan(0.3);
    expect(figure.interval?.high).toBeLessThan(0.7);
    expect(subgroups.map(({ value, figure: { method } }) => [value, method])).toEqual([
      ['abdominal', 'wilson'],
      ['pelvic', 'wilson'],
    ]);
    expect({ rule, epochs }).toEqual({ rule: null, epochs: null });
  });

  it('counts failures beside the score, never in it, and marks small coverage', async () => {
    await evaluation.addTask('organs', [...rowsOf(20), { question: 'broken' }]);
    const { tasks, overall } = await evaluate((sample, request) => {
      const n = Number(/(\d+)\?/.exec(sample.problem)?.[1]);
      if (n < 4) return failure;
      return n < 8 ? '<think>never ends' : rightWhere(() => true)(sample, request);
    });
    expect(tasks[0]).toMatchObject({
      coverage: { expected: 20, answered: 16, scored: 12, isComplete: false },
      failures: { answering: { timeout: 4 }, judging: { 'no-answer': 4 } },
      rejected: { 'missing-column': 1 },
      result: { kind: 'scored', figure: { score: 1, answers: 12 } },
    });
    expect(overall[0]?.incomplete).toEqual(['organs']);
  });

  it('has no score where nothing was answered or judged', async () => {
    await evaluation.addTask('organs', rowsOf(4));
    await evaluation.addTask('bones', rowsOf(4, 'bone '));
    const say: Say = ({ problem }) => (problem.includes('bone') ? failure : '<think>never ends');
    const { tasks, overall } = await evaluate(say);
    expect(tasks.map(({ result }) => result)).toEqual([
      { kind: 'failed', cause: 'no-answers', message: 'not one question was answered' },
      { kind: 'failed', cause: 'no-scores', message: 'not one answer was judged' },
    ]);
    expect(overall[0]).toMatchObject({
      parts: [],
      missing: ['bones', 'organs'],
      result: { kind: 'failed', message: 'no task has a score' },
    });
  });

  it('is sure of few unanimous answers no more than their number allows', async () => {
    await evaluation.addTask('organs', rowsOf(8));
    const { tasks, overall } = await evaluate(rightWhere(() => true));
    const { interval } = scoresOf(tasks[0]).figure;
    // Wilson's interval of 4 patients out of 4.
    expect(interval?.low).toBeCloseTo(0.5101, 4);
    const [mean] = overall;
    if (mean?.result.kind !== 'scored') throw new Error('no score');
    expect(mean.result.interval).toEqual(interval);
  });

  it('has one interval and one corrected score for a task and for the mean of it alone', async () => {
    for (const rows of [rowsOf(9), rowsOf(9).map((row, n) => ({ ...row, patient: `p${n}` }))]) {
      await evaluation.addTask('organs', rows);
      const { tasks, overall } = await evaluate(rightWhere((n) => n % 3 === 0));
      const { figure, corrected } = scoresOf(tasks[0]);
      const { score, interval } = figure;
      expect(overall[0]?.result).toEqual({ kind: 'scored', score, interval, corrected });
      await evaluation.remove();
      evaluation = await EvaluationFixture.create();
    }
  });

  it('shows how much epochs differ', async () => {
    await evaluation.addTask('organs', rowsOf(10));
    const say: Say = (sample, request) =>
      rightWhere((n) => n < 4 + 2 * request.key.epoch)(sample, request);
    const { tasks } = await evaluate(say, { sampling: { epochs: 3 } });
    const { epochs, figure } = scoresOf(tasks[0]);
    expect(epochs?.scores).toEqual([0.4, 0.6, 0.8]);
    expect(epochs?.standardDeviation).toBeCloseTo(0.2, 12);
    expect(figure).toMatchObject({ answers: 30, clusters: 5 });
    expect(figure.score).toBeCloseTo(0.6, 12);
  });

  it('sets the rule for multiple choice beside the judge', async () => {
    await evaluation.addTask('organs', rowsOf(9), 'multiple-choice');
    const wrongOnZero = (judging: Judging): Judging => ({
      ...judging,
      judge: async (item, signal) => {
        const verdict = await judging.judge(item, signal);
        const isZero = item.sample.problem.includes('is 0?');
        return isZero ? { ...verdict, outcome: { kind: 'scored', score: 0 } } : verdict;
      },
    });
    await evaluation.generate(({ problem, referenceAnswer }) =>
      problem.includes('is 1?') ? 'hard to say' : referenceAnswer,
    );
    await evaluation.judge({}, wrongOnZero);
    const { rule } = scoresOf((await evaluation.score()).tasks[0]);
    expect(rule).toMatchObject({ unreadable: 1, compared: 8, onlyJudgeRight: 0, onlyRuleRight: 1 });
    expect(rule?.figure).toMatchObject({ score: 1, answers: 8 });
  });

  it('takes the certified errors of the judge out of the score', async () => {
    await evaluation.addTask('organs', rowsOf(200));
    await evaluation.generate(rightWhere((n) => n % 2 === 0));
    const certificate = {
      digest: 'c',
      sensitivity: 0.9,
      specificity: 0.8,
      rightProbes: 200,
      wrongProbes: 150,
    };
    await evaluation.judge({}, (judging) => {
      const judges = judging.describe.judges.map((judge) => ({ ...judge, certificate }));
      return { ...judging, describe: { ...judging.describe, judges } };
    });
    const { tasks, overall } = await evaluation.score();
    const { corrected, figure } = scoresOf(tasks[0]);
    // (0.5 + 0.8 - 1) / (0.9 + 0.8 - 1)
    expect(corrected).toMatchObject({ kind: 'corrected', score: expect.closeTo(3 / 7, 12) });
    if (corrected.kind !== 'corrected' || figure.interval === null) throw new Error('no interval');
    const width = corrected.interval.high - corrected.interval.low;
    expect(width).toBeGreaterThan(figure.interval.high - figure.interval.low);
    expect(overall[0]?.result).toMatchObject({ corrected: { score: expect.closeTo(3 / 7, 12) } });
  });
});

describe('the mean over tasks', () => {
  it('counts each task once, and the MMLU subsets as six or as one', async () => {
    await evaluation.addTask('organs', rowsOf(10, 'organ '));
    await evaluation.addTask('mmlu_anatomy', rowsOf(10, 'anatomy '));
    await evaluation.addTask('mmlu_genetics', rowsOf(30, 'genetics '));
    const say: Say = (sample, request) => {
      const right = sample.source === 'organs' ? () => true : (n: number) => n < 6;
      return rightWhere(right)(sample, request);
    };
    const [apart] = (await evaluate(say)).overall;
    expect(apart?.parts).toEqual(['mmlu_anatomy', 'mmlu_genetics', 'organs']);
    expect(apart?.result).toMatchObject({ score: expect.closeTo((1 + 0.6 + 0.2) / 3, 12) });
    const [asOne] = (await evaluation.score({ statistics: { mmluAsOne: true } })).overall;
    expect(asOne?.parts).toEqual(['mmlu', 'organs']);
    expect(asOne?.result).toMatchObject({ score: expect.closeTo((1 + 12 / 40) / 2, 12) });
  });
});

describe('several judgings', () => {
  it('are compared by kappa and alpha', async () => {
    await evaluation.addTask('organs', rowsOf(40));
    await evaluation.generate(rightWhere((n) => n % 2 === 0));
    await evaluation.judge();
    const strict = (judging: Judging): Judging => ({
      ...judging,
      judge: async (item, signal) => {
        const verdict = await judging.judge(item, signal);
        const refuses = item.sample.problem.includes('is 2');
        return refuses ? { ...verdict, outcome: { kind: 'scored', score: 0 } } : verdict;
      },
    });
    await evaluation.judge({ judging: { name: 'strict' } }, strict);
    const { agreement } = await evaluation.score();
    expect(agreement).toMatchObject([
      { scale: 'binary', judgings: ['judge', 'strict'], answers: 40 },
    ]);
    const [pair] = agreement[0]?.pairs ?? [];
    // 2, 20, 22, …, 28 are right and refused.
    expect(pair?.agreement).toBeCloseTo(34 / 40, 12);
    expect(pair?.kappa?.value).toBeCloseTo(0.7, 12);
    expect(agreement[0]?.alpha?.value).toBeCloseTo(0.694, 2);
  });
});

it('gives the same bytes whatever the order of rows in the files, apart from its circumstances', async () => {
  await evaluation.addTask('organs', rowsOf(30));
  await evaluation.addTask('bones', rowsOf(20, 'bone '));
  const change = { sampling: { epochs: 2 } };
  const say: Say = (sample, request) =>
    rngFromKey(`${sample.id}${request.key.epoch}`).next() < 0.5
      ? sample.referenceAnswer
      : 'no idea';
  const first = await evaluate(say, change);
  for (const part of ['samples', 'responses', 'judgings/judge']) {
    for (const task of ['organs', 'bones']) {
      const path = join(evaluation.out, part, `${task}.jsonl`);
      const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
      await writeFile(path, `${rngFromKey(path).shuffle(lines).join('\n')}\n`);
    }
  }
  const second = await evaluation.score(change);
  expect(evalReportSchema.parse(first)).toEqual(first);
  const bytesOf = ({ circumstances, ...report }: EvalReport) => JSON.stringify(report);
  expect(bytesOf(second)).toBe(bytesOf(first));
  expect(JSON.stringify({ ...first, circumstances: null })).not.toContain('2026');
});
