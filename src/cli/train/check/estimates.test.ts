import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { trainConfigSchema } from '../../../config/train-config.ts';
import { inspectBaselines } from './inspect-baselines.ts';
import { inspectConfig } from './inspect-config.ts';
import { inspectReckonedTime, pastLines, sizeOfRun } from './inspect-time.ts';
import { pastRuns } from './past-runs.ts';

const root = await mkdtemp(join(tmpdir(), 'medix-estimates-'));
afterAll(() => rm(root, { recursive: true, force: true }));
const { signal } = new AbortController();

const given = {
  model: 'owner/model@main',
  out: join(root, 'new'),
  data: { train: 'rows.jsonl', validation: 'held-out.jsonl' },
  iterations: 25,
  rollout: { promptsPerIteration: 4, groupSize: 2, maxCompletionTokens: 100 },
  validation: { every: 10 },
};
const config = trainConfigSchema.parse(given);

describe('the size of a run', () => {
  it('counts the validation before training, those that are due, and the last', () => {
    const size = sizeOfRun(config, undefined, 30);
    expect(size).toEqual({
      drawn: 4,
      trained: 4,
      validationRows: 30,
      validations: 4,
      rollouts: 25 * 8 + 4 * 30,
    });
    expect(sizeOfRun(config, undefined, 0).validations).toBe(0);
  });

  it('takes operations of tokens and weights at a stated speed where nothing was sampled', () => {
    const size = sizeOfRun(config, undefined, 0);
    const past = { runs: [], plannedBytes: null };
    const model = { parameters: 1e9, cores: 2 };
    const { facts, remarks } = inspectReckonedTime(config, model, 50, size, past);
    const tokens = 4 * 50 + 8 * 100;
    expect(facts?.operations).toBe((2 + 8) * 1e9 * tokens);
    expect(facts?.iterationSeconds).toBeCloseTo((facts?.operations ?? 0) / 150e9, 9);
    expect(facts?.runSeconds).toBeCloseTo(25 * (facts?.iterationSeconds ?? 0), 9);
    expect(remarks[0]?.text).toMatch(
      /assume 75 GFLOP\/s on each of 2 cores.* prompts of 50 tokens\.$/,
    );
  });
});

describe('past runs', () => {
  const write = async (name: string, changes: object, times: readonly number[]) => {
    const directory = join(root, 'runs', name);
    await mkdir(join(directory, 'attempts'), { recursive: true });
    const past = trainConfigSchema.parse({ ...given, model: 'owner/model@0123', ...changes });
    const createdAt = '2026-11-22T21:04:47.886Z';
    const manifest = { kind: 'train', createdAt, config: past, facts: {} };
    await writeFile(join(directory, 'manifest.json'), JSON.stringify(manifest));
    const lines = times.map((ms, iteration) => {
      const values = { 'time/iterationMs': ms, 'time/validateMs': 100 };
      return `${JSON.stringify({ attempt: 1, iteration, at: createdAt, values })}\n`;
    });
    await writeFile(join(directory, 'metrics.jsonl'), lines.join(''));
  };

  it('are those whose iterations cost the same, and estimates are held against them', async () => {
    await write('same', {}, [9000, 1100, 1100, 5100]);
    await write('deep/longer', { rollout: { ...given.rollout, groupSize: 4 } }, [0, 700]);
    await write('deep/other', { model: 'owner/another' }, [0, 700]);
    await mkdir(join(root, 'runs', 'nothing'));
    const runs = await pastRuns(join(root, 'runs'), config);
    expect(runs).toEqual([
      { directory: join(root, 'runs', 'same'), iterations: 3, iterationMs: 1000, peakBytes: null },
    ]);
    const size = sizeOfRun(config, undefined, 0);
    const model = { parameters: 1.65e7, cores: 1 };
    const past = { runs, plannedBytes: 1 };
    const { facts } = inspectReckonedTime(config, model, 50, size, past);
    expect(facts && pastLines(facts)).toEqual([
      expect.stringMatching(
        /same took 1\.0 s an iteration: this estimate of its time is 120\.0 % above$/,
      ),
    ]);
  });

  it('are none where there is no such folder', async () => {
    expect(await pastRuns(join(root, 'nowhere'), config)).toEqual([]);
  });
});

describe('the best single answer', () => {
  it('is the one that is right most often, other spellings and accepted answers included', () => {
    const right = (referenceAnswer: string, ...accepted: string[]) => ({
      referenceAnswer,
      accepted,
    });
    const rows = [
      right('Yes'),
      right('yes.'),
      right('no'),
      right('left'),
      right('positive', 'yes'),
    ];
    expect(inspectBaselines(rows, undefined)).toMatchObject({
      verdict: 'not checked',
      facts: { constant: { answer: 'Yes', right: 3, rows: 5 }, blind: null },
    });
    expect(inspectBaselines([], undefined).facts?.constant).toMatchObject({ right: 0, rows: 0 });
  });
});

describe('a config', () => {
  it('is told which of its settings do not go together although each is allowed', async () => {
    const odd = trainConfigSchema.parse({
      ...given,
      out: root,
      data: { train: 'rows.jsonl' },
      optimizer: { stepsPerIteration: 3, warmupSteps: 75 },
      checkpoint: { every: 25 },
    });
    const { verdict, remarks } = await inspectConfig(odd, [], signal);
    expect(verdict).toBe('stops');
    expect(remarks.map(({ text }) => text)).toEqual([
      expect.stringContaining('expected a new or empty directory'),
      expect.stringContaining('4 groups in 3 steps'),
      expect.stringContaining('never reaches its peak'),
      expect.stringContaining('no validation set'),
      expect.stringContaining('starts over'),
    ]);
  });

  it('is shown by what is not at its default, also within sections that are there when asked for', async () => {
    const adapted = trainConfigSchema.parse({ ...given, engine: { lora: { rank: 4 } } });
    const { facts } = await inspectConfig(adapted, [], signal);
    expect(Object.keys(facts?.given ?? {}).toSorted()).toEqual([
      'data.train',
      'data.validation',
      'engine.lora.rank',
      'iterations',
      'model',
      'out',
      'rollout.groupSize',
      'rollout.maxCompletionTokens',
      'rollout.promptsPerIteration',
    ]);
  });
});
