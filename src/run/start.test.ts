/** Starts that come to nothing, at whichever step: the command can be given again, corrected or not. */
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAttempts } from './attempt.ts';
import { readEvents, readManifest, readMetrics } from './run-reader.ts';
import { RunWriter, requireNewRun } from './run-writer.ts';

const manifest = { kind: 'train', config: { seed: 1 }, facts: {} } as const;
const corrected = { ...manifest, config: { seed: 2 } };
const clock = () => Date.UTC(2026, 0, 1);
const noProcess = 2 ** 22 + 1;

let parent: string;
let directory: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'medix-start-'));
  directory = join(parent, 'run');
});
afterEach(() => rm(parent, { recursive: true }));

/** What a start writes, in its order; a kill leaves the first so many of them. */
async function startUpTo(step: number): Promise<void> {
  const whole = join(parent, 'whole');
  const run = await RunWriter.create(whole, manifest, [], clock);
  await run.writeEvent(0, { kind: 'started' });
  const attempt = await readFile(join(whole, 'attempts', '0001.json'), 'utf8');
  await run.close('failed');
  const dead = JSON.stringify({ ...JSON.parse(attempt), pid: noProcess });
  const text = await readFile(join(whole, 'manifest.json'), 'utf8');
  const steps: (() => Promise<unknown>)[] = [
    () => mkdir(directory),
    () => mkdir(join(directory, 'attempts')),
    () => writeFile(join(directory, 'attempts', '.unfinished-1'), attempt.slice(0, 20)),
    () => writeFile(join(directory, 'attempts', '0001.json'), dead),
    () => writeFile(join(directory, '.unfinished-2'), text.slice(0, 20)),
    () => writeFile(join(directory, 'manifest.json'), text),
    () => mkdir(join(directory, 'rollouts')),
    () => writeFile(join(directory, 'metrics.jsonl'), ''),
    () => writeFile(join(directory, 'events.jsonl'), '{"attempt":1,"iter'),
  ];
  for (const write of steps.slice(0, step)) await write();
}

const stepsOfStart = Array.from({ length: 10 }, (_, step) => step);
const firstWithManifest = 6;

describe('a start that was killed', () => {
  it.each(stepsOfStart)('after step %i is started anew by a corrected command', async (step) => {
    await startUpTo(step);
    await requireNewRun(directory);
    const run = await RunWriter.create(directory, corrected, [], clock);
    await run.writeEvent(0, { kind: 'started' });
    await run.writeMetrics(1, { value: 1 });
    await run.close('finished');
    expect((await readManifest(directory)).config).toEqual({ seed: 2 });
    expect(await readMetrics(directory)).toMatchObject([{ values: { value: 1 } }]);
    expect(await readEvents(directory)).toHaveLength(1);
    expect(await readAttempts(directory)).toHaveLength(step >= 4 ? 2 : 1);
    const left = await readdir(directory, { recursive: true });
    expect(left.filter((name) => name.includes('unfinished'))).toEqual([]);
  });

  it.each(stepsOfStart)('after step %i is resumed where it has a manifest', async (step) => {
    await startUpTo(step);
    const resumed = RunWriter.resume(directory, manifest, [], clock);
    if (step < firstWithManifest) {
      await expect(resumed).rejects.toThrow(/manifest\.json: expected .* got no such file/);
    } else {
      expect((await resumed).attempt).toBe(2);
      await (await resumed).close('finished');
    }
  });
});

describe('a start that failed', () => {
  it('is started anew, and its events are kept', async () => {
    const run = await RunWriter.create(directory, manifest, [], clock);
    await run.writeEvent(0, { kind: 'started' });
    await run.close('failed');
    await (await RunWriter.create(directory, corrected, [], clock)).close('failed');
    expect((await readManifest(directory)).config).toEqual({ seed: 2 });
    expect(await readEvents(directory)).toMatchObject([{ attempt: 1, kind: 'started' }]);
  });

  it('is not started anew once it has metrics, rollouts, a checkpoint or a model', async () => {
    for (const name of ['metrics.jsonl', 'rollouts/000001.jsonl', 'checkpoints/1/x', 'model/x']) {
      await rm(directory, { recursive: true, force: true });
      const run = await RunWriter.create(directory, manifest, [], clock);
      if (name === 'metrics.jsonl') await run.writeMetrics(1, { value: 1 });
      await run.close('failed');
      await mkdir(dirname(join(directory, name)), { recursive: true });
      await appendFile(join(directory, name), '\n');
      await expect(requireNewRun(directory)).rejects.toThrow(/a new or empty directory, got a run/);
    }
  });

  it('is not touched while its process lives', async () => {
    const run = await RunWriter.create(directory, manifest, [], clock);
    await expect(requireNewRun(directory)).rejects.toThrow(/no other process that writes this run/);
    await run.close('failed');
  });
});

it('of two processes that start anew at once one wins', async () => {
  await startUpTo(5);
  const starts = [1, 2, 3].map(() => RunWriter.create(directory, manifest, [], clock));
  const results = await Promise.allSettled(starts);
  const winners = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  expect(winners).toHaveLength(1);
  await winners[0]?.close('stopped');
});

it.each([
  ['cut', '{"attempt": 1, "fromIter'],
  ['empty', ''],
  ['of something else', '[1, 2, 3]'],
  ['binary', '\u0000\u0001'],
])('a file of attempts that is %s is one clear error everywhere', async (_, text) => {
  const run = await RunWriter.create(directory, manifest, [], clock);
  await run.writeMetrics(1, { value: 1 });
  await run.close('finished');
  await writeFile(join(directory, 'attempts', '0001.json'), text);
  const message = /attempts\/0001\.json: expected the record of a process that wrote here, got /;
  await expect(RunWriter.resume(directory, manifest, [], clock)).rejects.toThrow(message);
  await expect(requireNewRun(directory)).rejects.toThrow(message);
  await expect(readMetrics(directory)).rejects.toThrow(message);
});

it('numbers of attempts go on where one was taken away', async () => {
  const run = await RunWriter.create(directory, manifest, [], clock);
  await run.writeMetrics(1, { value: 1 });
  await run.close('stopped');
  await (await RunWriter.resume(directory, manifest, [], clock)).close('stopped');
  await rm(join(directory, 'attempts', '0001.json'));
  const resumed = await RunWriter.resume(directory, manifest, [], clock);
  expect(resumed.attempt).toBe(3);
  await resumed.close('stopped');
});

it('a link to nothing is no new directory', async () => {
  await symlink(join(parent, 'nowhere'), directory);
  await expect(RunWriter.create(directory, manifest, [], clock)).rejects.toThrow(
    /expected a place that can be written/,
  );
  expect(await readdir(parent)).toEqual(['run']);
});
