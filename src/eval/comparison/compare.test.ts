import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { evalComparisonSchema } from '../results/comparison.ts';
import { EvaluationFixture, failure, type Say } from '../stages/evaluation.fixture.ts';
import { compareEvaluations } from './compare.ts';

const rows = Array.from({ length: 12 }, (_, n) => ({
  question: `Which organ is ${n}?`,
  answer: 'liver',
}));
const knowing =
  (most: number): Say =>
  ({ problem }) =>
    Number(/(\d+)\?/.exec(problem)?.[1]) < most ? 'liver' : 'no idea';

let weak: EvaluationFixture;
let strong: EvaluationFixture;
beforeEach(async () => {
  [weak, strong] = await Promise.all([EvaluationFixture.create(), EvaluationFixture.create()]);
  await Promise.all([weak, strong].map((one) => one.addTask('organs', rows)));
});
afterEach(() => Promise.all([weak.remove(), strong.remove()]));

async function evaluate(one: EvaluationFixture, say: Say, change = {}): Promise<void> {
  await one.generate(say, change);
  await one.judge(change);
}

function compare(change: { readonly judgingName?: string } = {}) {
  return compareEvaluations({ folders: [weak.out, strong.out], seed: 1, draws: 200, ...change });
}

/** Changes the record of a judging, as another judge would have written it. */
async function rewriteJudging(one: EvaluationFixture, name: string, change: object): Promise<void> {
  const path = join(one.out, 'judgings', name, 'judging.json');
  const record = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...record, ...change }));
}

function judgingName(one: EvaluationFixture): string {
  return one.config().judging.name;
}

describe('comparing results folders', () => {
  it('pairs answers by sample across folders', async () => {
    await evaluate(weak, knowing(4));
    await evaluate(strong, knowing(10));
    const comparison = await compare();
    expect(evalComparisonSchema.parse(comparison)).toEqual(comparison);
    const { baseline, candidates, leftOut, differences } = comparison;
    expect(baseline).toEqual({ id: 'scripted', folder: weak.out, judging: judgingName(weak) });
    expect(candidates).toHaveLength(1);
    expect(candidates[0]?.tasks[0]).toMatchObject({
      task: 'organs',
      samples: { shared: 12, compared: 12, onlyBaseline: 0, onlyCandidate: 0 },
      result: { kind: 'compared', test: 'mcnemar', onlyRight: { baseline: 0, candidate: 6 } },
    });
    expect(leftOut).toEqual([]);
    expect(differences).toEqual([]);
  });

  it('counts questions that failed or that one folder lacks, and leaves them out', async () => {
    await strong.addTask('organs', rows.slice(2));
    await evaluate(weak, knowing(4));
    await evaluate(strong, (sample, request) =>
      sample.problem.includes(' 11?') ? failure : knowing(10)(sample, request),
    );
    const [candidate] = (await compare()).candidates;
    expect(candidate?.tasks[0]?.samples).toEqual({
      shared: 10,
      compared: 9,
      onlyBaseline: 2,
      onlyCandidate: 0,
    });
  });

  it('names tasks that not every folder has', async () => {
    await strong.addTask('bones', rows);
    await evaluate(weak, knowing(4));
    await evaluate(strong, knowing(10));
    const { leftOut, candidates } = await compare();
    expect(leftOut).toEqual(['bones']);
    expect(candidates[0]?.tasks.map(({ task }) => task)).toEqual(['organs']);
  });

  it('names what else but the model differs', async () => {
    await evaluate(weak, knowing(4));
    await evaluate(strong, knowing(10), { sampling: { epochs: 2 } });
    expect((await compare()).differences).toEqual([
      `${strong.out}: another sampling than the baseline`,
    ]);
  });
});

describe('the judging of a comparison', () => {
  beforeEach(async () => {
    await evaluate(weak, knowing(4));
    await evaluate(strong, knowing(10));
  });

  it('is refused where judges differ, and both are named', async () => {
    const judges = [{ id: 'other', kind: 'file', digest: 'another', certificate: null }];
    await rewriteJudging(strong, judgingName(strong), { judges });
    await expect(compare()).rejects.toThrow(
      /the same judges, votes and mode in every folder, got .*other/,
    );
  });

  it('is refused where the number of votes differs, though judge and name are the same', async () => {
    await rewriteJudging(strong, judgingName(strong), { votes: 7 });
    await expect(compare({ judgingName: judgingName(strong) })).rejects.toThrow(/--judging/);
  });

  it('must be named where the folders share several, and is then taken', async () => {
    for (const one of [weak, strong]) {
      const judging = { ...one.config().judging, name: 'second' };
      await one.judge({ judging });
      await rewriteJudging(one, 'second', { votes: 9 });
    }
    await expect(compare()).rejects.toThrow(/choose one with --judging/);
    const { judging, candidates } = await compare({ judgingName: 'second' });
    expect(judging.votes).toBe(9);
    expect(candidates[0]?.judging).toBe('second');
  });
});

describe('folders that cannot be compared', () => {
  it('are refused where one holds no evaluation', async () => {
    await evaluate(weak, knowing(4));
    await expect(compare()).rejects.toThrow(/manifest\.json.*medix eval generate/);
  });

  it('are refused without a task in common', async () => {
    await evaluate(weak, knowing(4));
    const other = await EvaluationFixture.create();
    try {
      await other.addTask('bones', rows);
      await evaluate(other, knowing(10));
      const folders = [weak.out, other.out];
      await expect(compareEvaluations({ folders, seed: 1 })).rejects.toThrow(
        /a task that all folders have/,
      );
    } finally {
      await other.remove();
    }
  });

  it('are refused where there is only one', async () => {
    await evaluate(weak, knowing(4));
    await expect(compareEvaluations({ folders: [weak.out], seed: 1 })).rejects.toThrow(
      /at least two results folders/,
    );
  });
});
