import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { phantomSample } from '../../../data/phantoms/study.ts';
import { openTask } from '../../../eval/tasks/open-task.ts';
import { benchmarksHere } from './benchmarks.ts';
import type { ComparedRow } from './compare-rows.ts';

const cache = await mkdtemp(join(tmpdir(), 'medix-benchmarks-'));
afterAll(() => rm(cache, { recursive: true, force: true }));
const { signal } = new AbortController();
// Whoever is asked for anything fails.
const access = { hub: { endpoint: 'http://127.0.0.1:9' }, cache };

it('benchmarks whose files are here are read, the others are named, and nothing is downloaded', async () => {
  const { source } = await openTask('rad_vqa');
  if (!('hub' in source)) throw new Error('the task is of the hub');
  const folder = join(cache, source.hub.replace('/', '--'));
  await mkdir(join(folder, source.revision ?? 'main'), { recursive: true });
  const listing = { revision: source.revision, files: ['test.jsonl'] };
  await writeFile(join(folder, `${source.revision}.json`), JSON.stringify(listing));
  const { images } = await phantomSample({ seed: 1, split: 'test', index: 0 });
  const image = Buffer.from(images[0]!.bytes).toString('base64');
  const row = { image, question: 'Is there a fracture?', answer: 'no' };
  await writeFile(join(folder, source.revision ?? 'main', 'test.jsonl'), JSON.stringify(row));

  const { sets, absent } = await benchmarksHere(true, access, signal);
  expect(sets.map(({ name }) => name)).toEqual(['rad_vqa']);
  expect(absent).toContain('path_vqa');
  expect(absent).not.toContain('rad_vqa');
  const rows: ComparedRow[] = [];
  for await (const one of sets[0]!.rows) rows.push(one);
  expect(rows).toMatchObject([{ problem: 'Is there a fracture?', images: [{}] }]);

  const text = await benchmarksHere(false, access, signal);
  expect(text.sets).toEqual([]);
  expect(text.absent).toContain('medqa');
});
