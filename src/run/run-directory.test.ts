import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bestCheckpoint, readCheckpoints } from './checkpoints.ts';
import { readEvents, readManifest, readMetrics, readRollouts } from './run-reader.ts';
import { RunWriter } from './run-writer.ts';

const manifest = { kind: 'train', config: { seed: 1 }, facts: { judge: 'none' } } as const;
const clock = () => Date.UTC(2026, 0, 1);

let directory: string;
let writers: RunWriter[] = [];

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'medix-run-')), 'run');
});

afterEach(async () => {
  await Promise.all(writers.map((writer) => writer.close('stopped')));
  writers = [];
});

async function opened(writer: Promise<RunWriter>): Promise<RunWriter> {
  writers.push(await writer);
  return writer;
}

const create = () => opened(RunWriter.create(directory, manifest, [], clock));
const resume = () => opened(RunWriter.resume(directory, manifest, ['iterations=9'], clock));

function checkpointAt(run: RunWriter, iteration: number, score: number | null = null) {
  return run.writeCheckpoint(
    { iteration, score, trainer: { iteration } },
    async (engineDirectory) => {
      await writeFile(join(engineDirectory, 'weights'), `weights ${iteration}`);
      return { engine: 'test', place: `server/${iteration}` };
    },
    2,
  );
}

/** Leaves the run as a killed process would: no end on record, and its pid belongs to nobody. */
async function kill(run: RunWriter): Promise<void> {
  const path = join(directory, 'attempts', `${String(run.attempt).padStart(4, '0')}.json`);
  const record = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await writeFile(path, JSON.stringify({ ...record, pid: 2 ** 22 + 1 }));
}

describe('a run directory', () => {
  test('gives back what was written', async () => {
    const run = await create();
    await run.writeMetrics(1, { 'reward/mean': 0.5, 'update/gradNorm': null });
    await run.writeEvent(1, { kind: 'started', iterations: 3 });
    expect((await readManifest(directory)).config).toEqual({ seed: 1 });
    expect(await readMetrics(directory)).toMatchObject([
      { iteration: 1, attempt: 1, values: { 'reward/mean': 0.5, 'update/gradNorm': null } },
    ]);
    expect(await readEvents(directory)).toMatchObject([{ kind: 'started', iterations: 3 }]);
  });

  test('is refused when it holds anything, and stays untouched', async () => {
    await mkdir(directory);
    await writeFile(join(directory, 'thesis.txt'), 'precious');
    await expect(create()).rejects.toThrow(/new or empty/);
    expect(await readdir(directory)).toEqual(['thesis.txt']);
  });

  test('cannot be resumed where there is none', async () => {
    await expect(resume()).rejects.toThrow(/manifest/);
  });

  test('keeps the newest checkpoints and the best', async () => {
    const run = await create();
    await checkpointAt(run, 1, 0.2);
    await checkpointAt(run, 2, 0.9);
    for (const iteration of [3, 4, 5]) await checkpointAt(run, iteration, 0.5);
    const checkpoints = await readCheckpoints(directory);
    expect(checkpoints.map(({ iteration }) => iteration)).toEqual([2, 4, 5]);
    expect(bestCheckpoint(checkpoints)?.iteration).toBe(2);
  });

  test('keeps the old checkpoints when a new one cannot be written', async () => {
    const run = await create();
    await checkpointAt(run, 1);
    const broken = run.writeCheckpoint(
      { iteration: 2, score: null, trainer: {} },
      () => Promise.reject(new Error('disk full')),
      1,
    );
    await expect(broken).rejects.toThrow('disk full');
    expect(await readdir(join(directory, 'checkpoints'))).toEqual(['000001']);
  });

  test('refuses a checkpoint that lost a file', async () => {
    const run = await create();
    await checkpointAt(run, 1);
    await kill(run);
    const [checkpoint] = await readCheckpoints(directory);
    await rm(join(checkpoint?.engineDirectory ?? '', 'weights'));
    await expect(resume()).rejects.toThrow(/weights: expected 9 bytes/);
  });
});

describe('one writer', () => {
  test('is all a run lets in', async () => {
    await create();
    await expect(resume()).rejects.toThrow(/no other process/);
  });

  test('takes over from a process that was killed', async () => {
    const run = await create();
    await kill(run);
    const next = await resume();
    expect(next.attempt).toBe(2);
  });

  test('wins where two take over at once', async () => {
    await kill(await create());
    const results = await Promise.allSettled([resume(), resume(), resume()]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('a killed run', () => {
  test('redoes what came after its checkpoint and supersedes those lines', async () => {
    const run = await create();
    for (const iteration of [1, 2, 3]) {
      await run.writeRollouts(iteration, 'training', [rollout(`first/${iteration}`)]);
      await run.writeMetrics(iteration, { value: iteration });
      if (iteration === 2) await checkpointAt(run, 2);
    }
    await kill(run);
    const next = await resume();
    expect(next.resumeFrom?.iteration).toBe(2);
    expect((await readMetrics(directory)).map(({ iteration }) => iteration)).toEqual([1, 2]);
    await next.writeRollouts(3, 'training', [rollout('second/3')]);
    await next.writeMetrics(3, { value: 30 });
    const metrics = await readMetrics(directory);
    expect(metrics.map(({ values }) => values['value'])).toEqual([1, 2, 30]);
    expect((await readRollouts(directory, 3, 'training')).map(({ key }) => key)).toEqual([
      'second/3',
    ]);
    const text = await readFile(join(directory, 'metrics.jsonl'), 'utf8');
    expect(text.trim().split('\n')).toHaveLength(4);
  });

  test('with a torn last line loses that line only, and no byte of history', async () => {
    const run = await create();
    await run.writeMetrics(1, { value: 1 });
    await appendFile(join(directory, 'metrics.jsonl'), '{"attempt":1,"itera');
    await kill(run);
    expect(await readMetrics(directory)).toHaveLength(1);
    const next = await resume();
    await next.writeMetrics(1, { value: 2 });
    expect((await readMetrics(directory)).map(({ values }) => values['value'])).toEqual([2]);
    expect(await readFile(join(directory, 'metrics.jsonl'), 'utf8')).toContain('"itera\n{');
  });

  test('in the middle of writing its attempt leaves nothing of it to the next one', async () => {
    await kill(await create());
    await writeFile(join(directory, 'attempts', '.unfinished-x'), '{"attempt": 1, "fr');
    await resume();
    expect((await readdir(join(directory, 'attempts'))).sort()).toEqual(['0001.json', '0002.json']);
  });

  test('in the middle of a checkpoint goes on from the one before', async () => {
    const run = await create();
    await checkpointAt(run, 1);
    await mkdir(join(directory, 'checkpoints', '.unfinished-x', 'engine'), { recursive: true });
    await kill(run);
    const next = await resume();
    expect(next.resumeFrom?.iteration).toBe(1);
    expect(await readdir(join(directory, 'checkpoints'))).toEqual(['000001']);
  });
});

function rollout(key: string) {
  return {
    key,
    sampleId: 's',
    completion: 'text',
    completionTokens: 1,
    stopReason: 'stop',
    logprob: -1,
    reward: 1,
    components: {},
    advantage: 0,
    use: 'trained',
  } as const;
}
