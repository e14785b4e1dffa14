import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readManifest } from './run-reader.ts';
import { RunWriter } from './run-writer.ts';
import { requireSelfContained } from './self-contained.ts';

const manifest = { kind: 'train', config: {}, facts: {} } as const;
const clock = () => Date.UTC(2026, 0, 1);

let parent: string;
let run: string;
let victim: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'medix-strange-'));
  run = join(parent, 'run');
  victim = join(parent, 'victim');
  await mkdir(join(victim, '000001'), { recursive: true });
  await writeFile(join(victim, '000001', 'letter.txt'), 'mine');
  await writeFile(join(victim, 'notes.jsonl'), 'mine\n');
  await (await RunWriter.create(run, manifest, [], clock)).close('finished');
});
afterEach(() => rm(parent, { recursive: true }));

async function contentOf(folder: string): Promise<unknown> {
  const names = (await readdir(folder, { recursive: true })).toSorted();
  return Promise.all(
    names.map(async (name) => [name, await readFile(join(folder, name), 'utf8').catch(() => null)]),
  );
}

describe('a run that a stranger made', () => {
  it.each([
    ['a file of lines', 'metrics.jsonl', 'notes.jsonl'],
    ['a file that is not there yet', 'events.jsonl', 'new.jsonl'],
    ['the folder of rollouts', 'rollouts', '.'],
    ['the folder of images', 'images', '.'],
    ['the folder of checkpoints', 'checkpoints', '.'],
    ['the folder of attempts', 'attempts', '.'],
    ['a file in a folder', 'rollouts/000001.jsonl', 'notes.jsonl'],
    ['the folder of an engine', 'checkpoints/000001/engine', '000001'],
  ])('is neither read nor written where %s leads out of it', async (_, name, target) => {
    await rm(join(run, name), { recursive: true, force: true });
    await mkdir(join(run, name, '..'), { recursive: true });
    await symlink(join(victim, target), join(run, name));
    const before = await contentOf(victim);
    const expected = new RegExp(`run/${name}: expected files and folders.* got a symbolic link to`);
    await expect(readManifest(run)).rejects.toThrow(expected);
    await expect(RunWriter.resume(run, manifest, [], clock)).rejects.toThrow(expected);
    expect(await contentOf(victim)).toEqual(before);
  });

  it('is refused where links lead out of it by a detour', async () => {
    await symlink('..', join(run, 'up'));
    await expect(readManifest(run)).rejects.toThrow(/run\/up: expected/);
  });
});

it('links that stay within their folder are fine, as is a link to the folder itself', async () => {
  await mkdir(join(run, 'images'));
  await symlink('images', join(run, 'pictures'));
  await symlink(run, join(parent, 'latest'));
  expect((await readManifest(join(parent, 'latest'))).kind).toBe('train');
});

it('a link to a folder with a similar name leads out', async () => {
  await mkdir(join(parent, 'run-2'));
  await symlink(join(parent, 'run-2'), join(run, 'model'));
  await expect(requireSelfContained(run)).rejects.toThrow(/symbolic link to .*run-2/);
});

it('a folder that is not there is no danger', async () => {
  await requireSelfContained(join(parent, 'absent'));
});
