import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openJournal } from './journal.ts';

const folder = await mkdtemp(join(tmpdir(), 'medix-journal-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('journal', () => {
  it('keeps each of many calls at once on a line of its own, behind those of earlier services', async () => {
    const path = join(folder, 'journal.jsonl');
    await writeFile(path, '{"at":"before"}\n{"at":"torn');
    const journal = await openJournal(path);
    const names = Array.from({ length: 200 }, (_, index) => `call ${index}`);
    await Promise.all(
      names.map((at) => journal.record({ at, route: '/v1/rewards', ms: 1, items: [] })),
    );
    await journal.close();
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    expect(lines.slice(2).map((line) => JSON.parse(line).at)).toEqual(names);
  });

  it('says where it cannot be opened', async () => {
    await expect(openJournal(join(folder, 'missing', 'journal.jsonl'))).rejects.toThrow(
      /missing.journal.jsonl: expected a place that can be written/,
    );
  });
});
