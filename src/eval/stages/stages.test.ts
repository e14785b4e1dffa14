import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Judging } from '../judging/judging.ts';
import { EvaluationFixture, type FixtureRow, failure } from './evaluation.fixture.ts';

const organs = ['liver', 'spleen', 'kidney'];
const rowsOf = (count: number): FixtureRow[] =>
  Array.from({ length: count }, (_, n) => ({
    question: `Which organ is number ${n}?`,
    answer: organs[n % 3] ?? '',
  }));

let evaluation: EvaluationFixture;
beforeEach(async () => {
  evaluation = await EvaluationFixture.create();
});
afterEach(() => evaluation.remove());

describe('generate', () => {
  it('lists samples and rejected rows, and answers every sample once', async () => {
    await evaluation.addTask('organs', [...rowsOf(3), { question: 'No answer?' }]);
    expect(await evaluation.generate(({ referenceAnswer }) => referenceAnswer)).toEqual({
      done: 3,
      failed: 0,
    });
    expect(await evaluation.rows('samples', 'organs.jsonl')).toHaveLength(3);
    expect(await evaluation.rows('rejected', 'organs.jsonl')).toMatchObject([{ index: 3 }]);
    const asked: string[] = [];
    const again = await evaluation.generate(({ problem }) => {
      asked.push(problem);
      return '';
    });
    expect({ again, asked }).toEqual({ again: { done: 0, failed: 0 }, asked: [] });
  });

  it('asks again what has failed, and only that', async () => {
    await evaluation.addTask('organs', rowsOf(4));
    const fails = (problem: string) => problem.includes('number 2');
    const first = await evaluation.generate(({ problem }) => (fails(problem) ? failure : 'liver'));
    expect(first).toEqual({ done: 4, failed: 1 });
    const asked: string[] = [];
    const say = ({ problem }: { problem: string }) => {
      asked.push(problem);
      return 'liver';
    };
    expect(await evaluation.generate(say)).toEqual({ done: 1, failed: 0 });
    expect(asked).toEqual(['Which organ is number 2?']);
  });

  it('asks once more at its end what failed because of the server, in every task', async () => {
    await evaluation.addTask('first', rowsOf(3));
    await evaluation.addTask('second', rowsOf(3));
    const asked: string[] = [];
    /** What the model says to a question, each time that it is asked; else always an organ. */
    const script: Record<string, Parameters<EvaluationFixture['generate']>[0][]> = {
      'first 0': [() => failure],
      'first 1': [() => ({ ...failure, cause: 'refused' })],
      'second 1': [() => failure, () => failure],
      'second 2': [() => ({ ...failure, cause: 'unusable-prompt' })],
    };
    const end = await evaluation.generate((sample, request) => {
      const name = `${sample.source} ${sample.problem.slice(-2, -1)}`;
      asked.push(name);
      return script[name]?.shift()?.(sample, request) ?? 'liver';
    });
    expect(end).toEqual({ done: 6, failed: 2 });
    expect(asked.slice(6)).toEqual(['first 0', 'first 1', 'second 1']);
    await evaluation.judge();
    const { tasks } = await evaluation.score();
    expect(tasks.map(({ failures }) => failures.answering)).toEqual([
      {},
      { timeout: 1, 'unusable-prompt': 1 },
    ]);
  });

  it('does not ask a model twice that refuses everything', async () => {
    await evaluation.addTask('organs', rowsOf(3));
    let asked = 0;
    const end = await evaluation.generate(() => {
      asked++;
      return { ...failure, cause: 'refused' };
    });
    expect({ end, asked }).toEqual({ end: { done: 3, failed: 3 }, asked: 3 });
  });

  it('resumes after a torn last line', async () => {
    await evaluation.addTask('organs', rowsOf(3));
    await evaluation.generate(() => 'liver');
    const path = join(evaluation.out, 'responses', 'organs.jsonl');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.slice(0, -40));
    expect(await evaluation.generate(() => 'liver')).toEqual({ done: 1, failed: 0 });
    expect(await evaluation.generate(() => 'liver')).toEqual({ done: 0, failed: 0 });
  });

  it('draws a limited number of samples by their content, whatever the order of rows', async () => {
    const rows = rowsOf(40);
    await evaluation.addTask('organs', rows);
    await evaluation.generate(() => 'liver', { limit: 5 });
    const drawn = (await evaluation.rows('samples', 'organs.jsonl')).map(({ id }) => id);
    const other = await EvaluationFixture.create();
    await other.addTask('organs', rows.toReversed());
    await other.generate(() => 'liver', { limit: 5 });
    const drawnOther = (await other.rows('samples', 'organs.jsonl')).map(({ id }) => id);
    await other.remove();
    expect(drawn).toHaveLength(5);
    expect(drawnOther.toSorted()).toEqual(drawn.toSorted());
    expect(await evaluation.rows('responses', 'organs.jsonl')).toHaveLength(5);
  });

  it('asks every epoch, and further ones of a folder that exists', async () => {
    await evaluation.addTask('organs', rowsOf(2));
    const epochs = (count: number) => ({ sampling: { epochs: count } });
    await evaluation.generate((_, { key }) => `epoch ${key.epoch}`, epochs(2));
    expect(await evaluation.generate(() => 'third', epochs(3))).toEqual({ done: 2, failed: 0 });
    const rows = await evaluation.rows('responses', 'organs.jsonl');
    expect(rows.map(({ epoch }) => epoch).toSorted()).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it('records what a variant does not apply to, and never asks it', async () => {
    await evaluation.addTask('organs', rowsOf(2));
    const change = { variants: ['original' as const, 'blank-image' as const] };
    expect(await evaluation.generate(() => 'liver', change)).toEqual({ done: 4, failed: 0 });
    await evaluation.judge(change);
    const { tasks, overall } = await evaluation.score(change);
    expect(tasks[1]).toMatchObject({
      variant: 'blank-image',
      notApplicable: 2,
      coverage: { expected: 0 },
      result: { kind: 'not-applicable' },
    });
    expect(overall[1]).toMatchObject({ parts: [], missing: [], result: { kind: 'failed' } });
  });

  it('judges permuted options by the letters that the model was shown', async () => {
    await evaluation.addTask('organs', rowsOf(6), 'multiple-choice');
    const change = { variants: ['original' as const, 'permuted-options' as const] };
    // Takes the right option wherever it stands, by its letter alone.
    await evaluation.generate(({ problem, referenceAnswer }) => {
      const letter = new RegExp(`^([A-Z])\\. ${referenceAnswer}$`, 'm').exec(problem)?.[1];
      return letter ?? 'none';
    }, change);
    await evaluation.judge(change);
    const { tasks, optionPermutation } = await evaluation.score(change);
    for (const { result } of tasks) {
      expect(result).toMatchObject({
        kind: 'scored',
        figure: { score: 1 },
        rule: { unreadable: 0 },
      });
    }
    expect(optionPermutation).toMatchObject([{ task: 'organs', pairs: 6 }]);
  });

  it('stops at a cap without marking what is open as failed', async () => {
    await evaluation.addTask('organs', rowsOf(20));
    let answered = 0;
    const capped = { kind: 'failed', cause: 'cap-reached', message: 'cap of 5 calls' } as const;
    const end = await evaluation.generate(() => (answered++ < 5 ? 'liver' : capped));
    expect(end).toEqual({ done: 5, failed: 0, stopped: 'cap of 5 calls' });
    expect(answered).toBeLessThan(10);
    expect(await evaluation.rows('responses', 'organs.jsonl')).toHaveLength(5);
  });

  it('keeps what came before it was aborted', async () => {
    await evaluation.addTask('organs', rowsOf(20));
    let answered = 0;
    const stage = evaluation.generate(() => {
      if (++answered === 6) evaluation.signal.abort(new Error('interrupted'));
      return 'liver';
    });
    await expect(stage).rejects.toThrow('interrupted');
    const rows = await evaluation.rows('responses', 'organs.jsonl');
    // Every answer that was given: of those under way none is asked for again.
    expect(rows).toHaveLength(answered);
    expect(answered).toBeLessThan(8);
  });
});

describe('judge', () => {
  it('judges every answer once', async () => {
    await evaluation.addTask('organs', rowsOf(3));
    await evaluation.generate(() => 'liver');
    expect(await evaluation.judge()).toEqual({ done: 3, failed: 0 });
    expect(await evaluation.judge()).toEqual({ done: 0, failed: 0 });
    const rows = await evaluation.rows('judgings', 'judge', 'organs.jsonl');
    expect(rows.map(({ outcome }) => outcome)).toEqual(
      expect.arrayContaining([{ kind: 'scored', score: 1 }]),
    );
  });

  it('judges again what failed and what was answered anew', async () => {
    await evaluation.addTask('organs', rowsOf(4));
    const fails = (problem: string) => problem.includes('number 1');
    await evaluation.generate(({ problem }) => (fails(problem) ? failure : '<think>never ends'));
    expect(await evaluation.judge()).toEqual({ done: 3, failed: 3 });
    expect(await evaluation.judge()).toEqual({ done: 3, failed: 3 });
    await evaluation.generate(() => 'spleen');
    expect(await evaluation.judge()).toEqual({ done: 4, failed: 3 });
    // A verdict on another text than the one that counts is none.
    const path = join(evaluation.out, 'responses', 'organs.jsonl');
    const rows = await evaluation.rows('responses', 'organs.jsonl');
    const anew = {
      ...rows.at(-1),
      outcome: { kind: 'answered', text: 'kidney', stopReason: 'stop', latencyMs: 1 },
    };
    await appendFile(path, `${JSON.stringify(anew)}\n`);
    expect((await evaluation.score()).tasks[0]?.failures.judging).toEqual({
      'no-answer': 3,
      'not-judged': 1,
    });
  });

  it('stops at a cap without marking what is open as failed', async () => {
    await evaluation.addTask('organs', rowsOf(20));
    await evaluation.generate(() => 'liver');
    let judged = 0;
    const capped = (judging: Judging): Judging => ({
      ...judging,
      judge: async (item, signal) => {
        const verdict = await judging.judge(item, signal);
        const outcome = { kind: 'failed', cause: 'cap-reached', message: 'cap' } as const;
        return ++judged > 5 ? { ...verdict, outcome } : verdict;
      },
      capReached: () => (judged > 5 ? 'the cap is reached' : undefined),
    });
    const end = await evaluation.judge({}, capped);
    expect(end).toEqual({ done: 5, failed: 0, stopped: 'the cap is reached' });
    expect(await evaluation.judge()).toEqual({ done: 15, failed: 0 });
  });

  it('keeps every verdict that was there when it was aborted', async () => {
    await evaluation.addTask('organs', rowsOf(20));
    await evaluation.generate(() => 'liver');
    let judged = 0;
    const stopping = (judging: Judging): Judging => ({
      ...judging,
      judge: async (item, signal) => {
        const verdict = await judging.judge(item, signal);
        if (++judged === 6) evaluation.signal.abort(new Error('interrupted'));
        return verdict;
      },
    });
    await expect(evaluation.judge({}, stopping)).rejects.toThrow('interrupted');
    const rows = await evaluation.rows('judgings', 'judge', 'organs.jsonl');
    expect(rows.length).toBeGreaterThanOrEqual(6);
    expect(rows.every(({ outcome }) => (outcome as { kind: string }).kind === 'scored')).toBe(true);
  });

  it('asks judges once more at its end whose servers failed, also where other votes did not', async () => {
    await evaluation.addTask('organs', rowsOf(4));
    await evaluation.generate(() => 'liver');
    const asked: string[] = [];
    const tooFew = { kind: 'failed', cause: 'too-few-votes', message: 'one of two' } as const;
    const tie = { kind: 'failed', cause: 'tie', message: 'one each' } as const;
    /** What becomes of the verdicts on an answer, each time that it is asked for. */
    const script: Record<string, object[]> = {
      '0': [{ outcome: failure }],
      '1': [{ outcome: tooFew, votes: [{ judge: 'one', outcome: failure }] }],
      '2': [{ outcome: tie }],
    };
    const stumbling = (judging: Judging): Judging => ({
      ...judging,
      judge: async (item, signal) => {
        const number = item.sample.problem.slice(-2, -1);
        asked.push(number);
        return { ...(await judging.judge(item, signal)), ...script[number]?.shift() };
      },
    });
    expect(await evaluation.judge({}, stumbling)).toEqual({ done: 4, failed: 1 });
    expect(asked.toSorted()).toEqual(['0', '0', '1', '1', '2', '3']);
  });

  it('refuses a judging of the same name by other judges', async () => {
    await evaluation.addTask('organs', rowsOf(2));
    await evaluation.generate(() => 'liver');
    await evaluation.judge();
    const other = (judging: Judging): Judging => ({
      ...judging,
      describe: { ...judging.describe, votes: 3 },
    });
    await expect(evaluation.judge({}, other)).rejects.toThrow(
      /judging\.json: expected .*"votes":1.* got .*"votes":3.*; set judging.name to another name than judge/,
    );
    expect(await evaluation.judge({ judging: { name: 'second' } }, other)).toEqual({
      done: 2,
      failed: 0,
    });
  });

  it('says how to go on where the same judge has other rules, as of an earlier version', async () => {
    await evaluation.addTask('organs', rowsOf(2));
    await evaluation.generate(() => 'liver');
    const earlier = (judging: Judging): Judging => ({
      ...judging,
      describe: {
        ...judging.describe,
        judges: judging.describe.judges.map((judge) => ({ ...judge, digest: 'e'.repeat(64) })),
      },
    });
    await evaluation.judge({}, earlier);
    await expect(evaluation.judge()).rejects.toThrow(
      /judging\.json: expected reference-match as it judged .* between versions of MediX; add judging\.name=judge-2 /,
    );
    expect(await evaluation.judge({ judging: { name: 'judge-2' } })).toEqual({
      done: 2,
      failed: 0,
    });
  });
});
