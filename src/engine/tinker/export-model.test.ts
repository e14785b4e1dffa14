import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { filesIn } from './export-model.ts';

it('reads what tar writes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'medix-tar-'));
  try {
    await mkdir(join(folder, 'in', 'below'), { recursive: true });
    const contents = { 'adapter_config.json': '{}', 'below/weights': 'x'.repeat(1300) };
    for (const [name, text] of Object.entries(contents)) {
      await writeFile(join(folder, 'in', name), text);
    }
    const archive = join(folder, 'a.tar');
    await promisify(execFile)('tar', ['-cf', archive, '-C', join(folder, 'in'), '.']);
    const found = filesIn(await readFile(archive));
    expect(Object.fromEntries(found.map((it) => [it.name, it.content.toString()]))).toEqual(
      contents,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

it.each(['../out', 'a/../../out', 'a\\..\\out'])('writes nothing to %s', (name) => {
  const header = Buffer.alloc(1024);
  header.write(name, 0);
  header.write('00000000001', 124);
  header.write('0', 156);
  expect(() => filesIn(header)).toThrow(/names of files below a folder/);
});
