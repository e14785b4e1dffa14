import { lstat, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireWritable, writeOut } from './out-file.ts';

let folder: string;
let out: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-out-'));
  out = join(folder, 'out.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

describe('the file that --out names', () => {
  it('is written where there is nothing', async () => {
    await requireWritable(out, false);
    await writeOut(out, (append) => append('rows'));
    expect(await readFile(out, 'utf8')).toBe('rows');
  });

  it.each([
    ['a file', () => writeFile(out, 'old'), /got one that does; .* --force/],
    ['a link to a file', () => symlink(__filename, out), /got one that does; .* --force/],
    ['a link to nothing', () => symlink('/nowhere/at/all', out), /link to nothing; .* --force/],
    ['a link to itself', () => symlink(out, out), /link to nothing; .* --force/],
  ])('is not replaced without --force where there is %s', async (_, make, message) => {
    await make();
    const before = await lstat(out);
    await expect(requireWritable(out, false)).rejects.toThrow(message);
    expect((await lstat(out)).ino).toBe(before.ino);
    await requireWritable(out, true);
  });

  it.each([
    ['a folder', () => mkdir(out)],
    ['a link to a folder', () => symlink('.', out)],
    ['a device', () => symlink('/dev/null', out)],
  ])('is never replaced where there is %s', async (_, make) => {
    await make();
    for (const force of [false, true]) {
      await expect(requireWritable(out, force)).rejects.toThrow(/something else than a file/);
    }
  });

  it.each(['', ' ', '\t'])('has a name: %j is none', async (name) => {
    await expect(requireWritable(name, true)).rejects.toThrow(/^--out: .* got no name/);
  });
});
