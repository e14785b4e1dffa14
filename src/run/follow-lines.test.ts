import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { followJsonLines } from './follow-lines.ts';

const schema = z.object({ n: z.number() });
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-follow-'));
  path = join(folder, 'metrics.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const numbers = async (follower: ReturnType<typeof followJsonLines<{ n: number }>>) => {
  const { values, restarted } = await follower.next();
  return [values.map(({ n }) => n), restarted];
};

it('gives each whole line once, also while one is being written', async () => {
  const follower = followJsonLines(path, schema);
  expect(await numbers(follower)).toEqual([[], false]);
  await appendFile(path, '{"n":1}\n{"n":2}\n{"n":');
  expect(await numbers(follower)).toEqual([[1, 2], false]);
  expect(await numbers(follower)).toEqual([[], false]);
  await appendFile(path, '3}\n');
  expect(await numbers(follower)).toEqual([[3], false]);
});

it('passes over lines that are torn or of another form', async () => {
  const follower = followJsonLines(path, schema);
  await writeFile(path, '{"n":1}\n{"n":"x"}\n{"n\n\n{"n":2}\n');
  expect(await numbers(follower)).toEqual([[1, 2], false]);
});

it('starts over where the file was replaced, cut or deleted', async () => {
  const follower = followJsonLines(path, schema);
  await writeFile(path, '{"n":1}\n{"n":2}\n');
  await follower.next();
  await writeFile(join(folder, 'other'), '{"n":7}\n{"n":8}\n{"n":9}\n');
  await rename(join(folder, 'other'), path);
  expect(await numbers(follower)).toEqual([[7, 8, 9], true]);
  await writeFile(path, '{"n":4}\n');
  expect(await numbers(follower)).toEqual([[4], true]);
  await rm(path);
  expect(await numbers(follower)).toEqual([[], true]);
  await writeFile(path, '{"n":5}\n');
  expect(await numbers(follower)).toEqual([[5], false]);
});

it('reads lines longer than what is read at a time, and characters that lie across the cut', async () => {
  const long = z.object({ text: z.string() });
  const follower = followJsonLines(path, long);
  const text = 'ä'.repeat(800_000);
  await writeFile(path, `{"text":"a${text}"}\n{"text":"${text}"}\n`);
  const { values } = await follower.next();
  expect(values.map((one) => one.text)).toEqual([`a${text}`, text]);
});
