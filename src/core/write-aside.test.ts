import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeAside } from './write-aside.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-aside-'));
  path = join(folder, 'result.txt');
});
afterEach(() => rm(folder, { recursive: true }));

it('puts text and bytes one after another into a file that replaces the old one', async () => {
  await writeFile(path, 'old and longer');
  await writeAside(path, async (append) => {
    await append('text ');
    await append(new TextEncoder().encode('bytes'));
    expect(await readFile(path, 'utf8')).toBe('old and longer');
  });
  expect(await readFile(path, 'utf8')).toBe('text bytes');
  expect(await readdir(folder)).toEqual(['result.txt']);
});

it('leaves the old file and nothing else when writing fails', async () => {
  await writeFile(path, 'old');
  const writing = writeAside(path, async (append) => {
    await append('a part');
    throw new Error('stopped by test');
  });
  await expect(writing).rejects.toThrow('stopped by test');
  expect(await readFile(path, 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['result.txt']);
});
