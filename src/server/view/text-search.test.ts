import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RolloutLine } from '../../run/records.ts';
import { jsonLines } from './made-run.fixture.ts';
import { createRunCodes, RolloutFile } from './rollout-file.ts';
import { textSearch } from './text-search.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-search-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** In the order in which a run writes it. */
function lineOf(given: Partial<RolloutLine>, index: number): RolloutLine {
  return {
    ...{ attempt: 1, iteration: 1, key: `1/1/0/sample/${index}`, sampleId: 'sample' },
    ...{ question: given.question ?? '', reference: 'cataract', accepted: [] },
    ...(given.rubric && { rubric: given.rubric }),
    ...(given.reading !== undefined && { reading: given.reading }),
    ...{ modality: given.modality ?? 'CT_SCAN', source: given.source ?? 'toy' },
    ...{ images: [`${'f00d'.repeat(16)}.png`], completion: given.completion ?? '' },
    ...{ completionTokens: 3, stopReason: 'stop', logprob: -1, reward: 1, components: {} },
    ...{ advantage: 0, use: 'trained' },
  };
}

async function rowsIn(lines: readonly Partial<RolloutLine>[], text: string): Promise<number[]> {
  const path = join(folder, '000001.jsonl');
  await writeFile(path, jsonLines(lines.map(lineOf)));
  const file = new RolloutFile('training', 1, path, createRunCodes());
  await file.refresh();
  expect(file.length).toBe(lines.length);
  return [...(await textSearch(text)(file))].sort((a, b) => a - b);
}

const asked = (question: string) => ({ question });

it.each([
  ['whatever its case', 'PLEURAL', [asked('no'), asked('a pleural effusion')], [1]],
  ['whatever the case of letters beyond ASCII', 'ÖDEM', [asked('kein Ödem'), asked('Oedem')], [0]],
  ['in the completion', 'mass', [{ completion: 'a mass' }, { completion: 'none' }], [0]],
  ['in a tag and a source', 'x_r', [{ modality: 'X_RAY' }, { source: 'x_rays' }, {}], [0, 1]],
  ['with marks that patterns know', 'a.b(', [asked('a.b(c'), asked('aXb(c')], [0]],
  ['with a quote and a line break', '"no"\n', [asked('says "no"\nthen'), asked('says no')], [0]],
])('a text is found %s', async (_, text, lines, rows) => {
  expect(await rowsIn(lines, text)).toEqual(rows);
});

it.each([
  ['the names of fields', 'reference'],
  ['the digest of an image', 'f00d'],
  ['a criterion and a reading', 'hidden'],
  ['what stands after the completion', 'stop'],
  ['the letter of an escape', 'nodule'],
  ['the digits of an escape', '001'],
])('%s are no text', async (_, text) => {
  const rubric = [{ criterion: 'hidden', points: 1 }];
  const line = { ...asked('What is it?\nodule\u0001'), rubric, reading: 'hidden' };
  expect(await rowsIn([line], text)).toEqual([]);
});

it('what is also the name of a field is found where it is a text', async () => {
  const lines = [asked('an e'), asked('no'), { completion: 'source' }, asked('the source')];
  expect(await rowsIn(lines, 'source')).toEqual([2, 3]);
});
