import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { openGrowingFile } from './growing-file.ts';

const folder = await mkdtemp(join(tmpdir(), 'medix-growing-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const path = join(folder, 'out.jsonl');
const part = `${path}.part`;
const origin = { input: 'a', judge: 'b' };

beforeEach(async () => {
  for (const name of await readdir(folder)) await rm(join(folder, name));
});

async function open(changes: { origin?: Record<string, string>; force?: boolean } = {}) {
  const found: string[] = [];
  const accept = (line: string) => {
    if (!line.startsWith('line')) return false;
    found.push(line);
    return true;
  };
  const file = await openGrowingFile({ path, origin, force: false, accept, ...changes });
  return { file, found };
}

describe('a growing file', () => {
  it('appears when it is whole, with its origin beside it', async () => {
    const { file, found } = await open();
    expect(found).toEqual([]);
    await file.append(['line 1', 'line 2']);
    expect((await readdir(folder)).sort()).toEqual(['out.jsonl.medix.json', 'out.jsonl.part']);
    await file.finish({ rows: 2 });
    expect((await readdir(folder)).sort()).toEqual(['out.jsonl', 'out.jsonl.medix.json']);
    expect(await readFile(path, 'utf8')).toBe('line 1\nline 2\n');
    expect(JSON.parse(await readFile(`${path}.medix.json`, 'utf8'))).toEqual({
      origin,
      facts: { rows: 2 },
    });
  });

  it('resumes after the last whole line that is sound', async () => {
    const { file } = await open();
    await file.append(['line 1', 'line ü 2']);
    await file.note({ asked: 2 });
    await file.close();
    for (const damage of ['lin', '\0\0\0\0\n', 'noise\nline 9\n']) {
      await appendFile(part, damage);
      const again = await open();
      expect(again.found).toEqual(['line 1', 'line ü 2']);
      expect(again.file.facts).toEqual({ asked: 2 });
      await again.file.close();
    }
    const last = await open();
    await last.file.append(['line 3']);
    await last.file.finish({});
    expect(await readFile(path, 'utf8')).toBe('line 1\nline ü 2\nline 3\n');
  });

  it('is not resumed from another origin, unless forced to start again', async () => {
    const { file } = await open();
    await file.append(['line 1']);
    await file.close();
    const other = { origin: { ...origin, judge: 'c' } };
    await expect(open(other)).rejects.toThrow(
      /out\.jsonl\.part: expected an unfinished file of the same input, config and judge, got a file with another judge/,
    );
    const same = await open({ force: true });
    expect(same.found).toEqual(['line 1']);
    await same.file.close();
    const forced = await open({ ...other, force: true });
    expect(forced.found).toEqual([]);
    await forced.file.close();
    await writeFile(`${path}.medix.json`, '{');
    await expect(open()).rejects.toThrow(/of unknown origin/);
  });

  it('notices another process that writes it', async () => {
    const { file } = await open();
    const other = await open();
    await other.file.append(['line 1']);
    await expect(file.append(['line 1'])).rejects.toThrow(/no other process that writes/);
    await Promise.all([file.close(), other.file.close()]);
  });
});
