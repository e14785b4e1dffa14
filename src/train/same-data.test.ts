import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { trainConfigSchema } from '../config/train-config.ts';
import { openData } from './open-training.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-same-'));
});
afterEach(() => rm(folder, { recursive: true }));

const signal = new AbortController().signal;
const rows = ['left', 'right', 'both'].map((side) => ({
  problem: 'Which side?',
  solution: `<X_RAY>${side}`,
}));

async function open(given: readonly object[], resumed?: string) {
  const train = join(folder, 'train.jsonl');
  await writeFile(train, given.map((row) => JSON.stringify(row)).join('\n'));
  const overrides = { train, validation: train, textOnly: true };
  const { data } = trainConfigSchema.parse({ model: 'm', data: overrides });
  return openData(data, {}, signal, resumed);
}

async function writeManifest(facts: object): Promise<string> {
  const manifest = { kind: 'train', createdAt: '2026-01-01T00:00:00Z', config: {}, facts };
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return folder;
}

test('a run goes on with the data that it began with', async () => {
  const { dataFacts } = await open(rows);
  expect(dataFacts.train).toEqual([
    { from: join(folder, 'train.jsonl'), rows: 3, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
  ]);
  const run = await writeManifest({ data: dataFacts });
  await expect(open(rows, run)).resolves.toMatchObject({ dataFacts });
});

test.each([
  ['that have lost rows', rows.slice(1), /got 2 usable rows \(digest/],
  ['with an answer that is another', [...rows.slice(1), rows[1]!], /got 3 usable rows \(digest/],
])('data %s are one error that says what was and what is', async (_, changed, got) => {
  const run = await writeManifest({ data: (await open(rows)).dataFacts });
  const error = await open(changed, run).catch((thrown: Error) => thrown);
  const message = error instanceof Error ? error.message : '';
  expect(message.split('\n')).toHaveLength(1);
  expect(message).toMatch(
    /data\.train: .*train\.jsonl: expected the data that the run began with, 3 usable rows/,
  );
  expect(message).toMatch(got);
  expect(message).toMatch(/restore them and resume again/);
});

test('a run of an earlier version, which has no data on record, goes on as it did', async () => {
  const run = await writeManifest({});
  await expect(open(rows, run)).resolves.toMatchObject({ dataFacts: { train: [{ rows: 3 }] } });
});
