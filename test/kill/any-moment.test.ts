/**
 * A training stopped before each single change that it makes to the disk (by a kill, by a power cut, by a disk without
 * room) and resumed: same weights, same history, nothing cut off or told twice.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { digestOf } from '../../src/core/digest.ts';
import { MedixError } from '../../src/core/errors.ts';
import type { Sample } from '../../src/core/sample.ts';
import { readMetrics, readRollouts } from '../../src/run/run-reader.ts';
import { requireNewRun } from '../../src/run/run-writer.ts';
import {
  toyConfig,
  toyEngine,
  toyPreparation,
  toySamples,
  toyTraining,
} from '../../src/train/loop.fixture.ts';
import { type Training, train } from '../../src/train/loop.ts';
import { writeRun } from '../../src/train/write-run.ts';
import { type Content, type Watch, type WatchedDisk, watchDisk } from './watched-disk.ts';

const { signal } = new AbortController();

const curriculum = { targetPassRate: 0.5 };

const config: Training['config'] = {
  ...toyConfig,
  iterations: 3,
  rollout: { ...toyConfig.rollout, promptsPerIteration: 2, groupSize: 3, curriculum },
  validation: { ...toyConfig.validation, every: 2, samples: 2, patience: 9 },
  checkpoint: { ...toyConfig.checkpoint, every: 1, keepLast: 1 },
};

const png = Buffer.from('89504e470d0a1a0a', 'hex');
const shown = toySamples.map((sample, i) => ({
  ...sample,
  images: [{ bytes: new Uint8Array([...png, i]), name: `${i}.png` }],
}));
const samples = { size: shown.length, at: async (i: number) => shown[i]! };
const prepareToy = toyPreparation(toyEngine(), config.rollout.maxCompletionTokens);
/** The images are recorded and not shown. */
const prepare = (sample: Sample) => prepareToy(sample);

let parent: string;
let disk: WatchedDisk;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'medix-moments-'));
  disk = watchDisk(parent);
});
afterAll(async () => {
  disk.putAway();
  await rm(parent, { recursive: true });
});

/** The training as a command gives it: started, or resumed where there is something to resume. */
async function trainIn(folder: string): Promise<void> {
  const out = join(folder, 'runs/run');
  const isResumed = await readFile(join(out, 'manifest.json')).then(
    () => true,
    () => false,
  );
  if (!isResumed) await requireNewRun(out);
  const engine = toyEngine();
  const plan = { kind: 'train', command: 'train', config: {}, facts: {}, overrides: [] } as const;
  await writeRun(
    { ...plan, out, isResumed },
    engine,
    async (run) => {
      await train(
        toyTraining(run, { config, samples, validationSamples: samples, prepare }, engine),
        signal,
      );
    },
    { signal, clock: () => 0 },
  );
}

/** What must not depend on a stop. */
async function resultIn(folder: string) {
  const out = join(folder, 'runs/run');
  const rollouts = [];
  for (const name of (await readdir(join(out, 'rollouts'))).sort()) {
    const kind = name.startsWith('validation') ? 'validation' : 'training';
    const lines = await readRollouts(out, Number(/\d+/.exec(name)?.[0]), kind);
    rollouts.push([name, lines.map(({ attempt, ...line }) => line)]);
  }
  const files: Record<string, string> = {};
  // An older checkpoint goes with the next save.
  const newest = join('checkpoints', (await readdir(join(out, 'checkpoints'))).sort().at(-1) ?? '');
  for (const below of ['images', 'model', newest]) {
    for (const entry of await readdir(join(out, below), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      files[path.slice(out.length)] = digestOf([await readFile(path, 'base64')]);
    }
  }
  const metrics = (await readMetrics(out)).map(({ iteration, values }) => ({ iteration, values }));
  return { metrics, rollouts, files };
}

let places = 0;

/** A folder with this content, whose processes belong to another boot of the machine. */
async function folderWith(content: Content): Promise<string> {
  const folder = join(parent, `place-${places++}`);
  await mkdir(folder);
  for (const [path, bytes] of content) {
    if (bytes === null) await mkdir(join(folder, path), { recursive: true });
    else {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), ofAnotherBoot(path, bytes));
    }
  }
  return folder;
}

function ofAnotherBoot(path: string, bytes: Buffer): Buffer | string {
  if (!/attempts\/\d+\.json$/.test(path)) return bytes;
  return bytes.toString().replace(/"processIdentity": "[^"]*"/, '"processIdentity": "before/1"');
}

/** The folder in which to train, below the one that is watched. */
async function newFolder(): Promise<string> {
  const folder = join(parent, `place-${places++}`);
  await mkdir(folder);
  return folder;
}

async function undisturbed() {
  const folder = await newFolder();
  await trainIn(folder);
  return resultIn(folder);
}

/** Distinct states of the disk before all changes of a training, with the number of the first such change. */
async function statesOfTraining(
  read: (watch: Watch) => readonly Content[],
): Promise<readonly (readonly [change: number, content: Content])[]> {
  const states = new Map<string, readonly [number, Content]>();
  const folder = await newFolder();
  const watch = disk.watch(folder, (change) => {
    for (const content of read(watch)) {
      const files = [...content].map(([path, bytes]) => [path, bytes?.toString('base64') ?? null]);
      const digest = digestOf(files.sort());
      if (!states.has(digest)) states.set(digest, [change, content]);
    }
  });
  await trainIn(folder);
  watch.end();
  return [...states.values()];
}

async function expectResumed(
  states: readonly (readonly [change: number, content: Content])[],
  what: string,
): Promise<void> {
  const expected = await undisturbed();
  for (const [change, content] of states) {
    const place = `${what} at change ${change}`;
    const folder = await folderWith(content);
    await trainIn(folder).catch((cause: unknown) => {
      throw new Error(`${place}: ${String(cause)}`, { cause });
    });
    expect(await resultIn(folder), place).toEqual(expected);
    const left = await readdir(folder, { recursive: true });
    expect(
      left.filter((path) => path.includes('.unfinished-')),
      place,
    ).toEqual([]);
  }
}

test('a training that is killed at any change resumes to the same', async () => {
  const states = await statesOfTraining((watch) => [watch.present()]);
  expect(states.length).toBeGreaterThan(60);
  await expectResumed(states, 'kill');
});

test('a training whose machine goes down at any change resumes to the same', async () => {
  const states = await statesOfTraining((watch) => [
    watch.afterPowerCut('undone'),
    watch.afterPowerCut('done'),
  ]);
  expect(states.length).toBeGreaterThan(20);
  await expectResumed(states, 'power cut');
});

test('a training whose disk is full from any change on says so, and resumes to the same', async () => {
  const expected = await undisturbed();
  let full = 0;
  let error: unknown;
  do {
    full += 2;
    const folder = await newFolder();
    const watch = disk.watch(folder, (change) => {
      if (change < full) return;
      const message = 'ENOSPC: no space left on device, write';
      throw Object.assign(new Error(message), { code: 'ENOSPC', syscall: 'write' });
    });
    error = await trainIn(folder).catch((thrown: unknown) => thrown);
    watch.end();
    if (error === undefined) continue;
    const what = `a full disk at change ${full}`;
    expect(error, what).toBeInstanceOf(MedixError);
    expect(String(error), what).toMatch(/ENOSPC.*make room/s);
    const freed = await folderWith(watch.present());
    await trainIn(freed);
    expect(await resultIn(freed), what).toEqual(expected);
  } while (error !== undefined);
  expect(full).toBeGreaterThan(60);
});
