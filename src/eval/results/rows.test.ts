import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { RowFile, readRows } from './rows.ts';

const schema = z.object({ id: z.string() });

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-rows-'));
  path = join(folder, 'rows.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

async function read() {
  const rows = [];
  for await (const row of readRows(path, schema)) rows.push(row);
  return rows;
}

it('reads nothing where there is no file', async () => {
  expect(await read()).toEqual([]);
});

it('passes over lines that a crash tore and rows of another form', async () => {
  await writeFile(path, '{"id":"a"}\n{"id":"b\n{"other":1}\n\n{"id":"c"}\n{"id":"d"}');
  expect((await read()).map(({ value }) => value.id)).toEqual(['a', 'c', 'd']);
});

it('finds rows again by their place, across pieces of the file and characters of several bytes', async () => {
  const ids = Array.from({ length: 400 }, (_, n) => `é${'x'.repeat(n * 10)}\u2028${n}`);
  for (const id of ids) await appendFile(path, `${JSON.stringify({ id })}\n`);
  const rows = await read();
  expect(rows.map(({ value }) => value.id)).toEqual(ids);
  const file = await RowFile.open(path, schema);
  for (const n of [399, 0, 250]) {
    const row = rows[n];
    expect(row && (await file.read(row))).toEqual({ id: ids[n] });
  }
  await file.close();
});
