import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';

const root = await mkdtemp(join(tmpdir(), 'medix-folder-'));
afterAll(() => rm(root, { recursive: true }));

it('makes a folder with those above it, also where several do so at once or it is there', async () => {
  const path = join(root, 'a', 'b', 'c');
  await Promise.all([makeFolder(path), makeFolder(path), makeFolder(join(root, 'a', 'd'))]);
  await makeFolder(path);
  expect((await stat(path)).isDirectory()).toBe(true);
});

it('ends with the error of the system below a file', async () => {
  const file = join(root, 'file');
  await writeFile(file, 'precious');
  await expect(makeFolder(file)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(file, 'x', 'y'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

it.skipIf(process.platform !== 'linux')('ends below a folder that takes no others', async () => {
  await expect(makeFolder('/proc/medix/x/y')).rejects.toMatchObject({ code: 'ENOENT' });
});
