import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTask } from '../tasks/open-task.ts';
import { readTaskSamples } from '../tasks/read-task-samples.ts';
import { toSampleRow } from '../tasks/sample.ts';
import { openTaskSource } from '../tasks/task-source.ts';
import { applyVariant } from '../variants/apply-variant.ts';
import { isNotApplicable } from '../variants/not-applicable.ts';
import {
  type IllustratedSample,
  type OpenedTask,
  readIllustratedSamples,
} from './asked-samples.ts';

const never = new AbortController().signal;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-variants-'));
  const rows: object[] = [];
  for (let scan = 0; scan < 8; scan++) {
    const modality = scan % 2 === 0 ? 'CT' : 'MRI';
    const background = { r: 20 * scan, g: 0, b: 0 };
    const image = { create: { width: 8, height: 8, channels: 3, background } } as const;
    await sharp(image)
      .png()
      .toFile(join(folder, `${scan}.png`));
    rows.push(
      { image: `${scan}.png`, question: 'Which organ?', answer: 'liver', modality },
      { image: `${scan}.png`, question: 'Which plane?', answer: 'axial', modality },
    );
  }
  await writeFile(join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  await writeFile(
    join(folder, 'scans.yaml'),
    `id: scans
title: Scans
input: image
kind: open
source: { path: rows.jsonl }
rows: 16
licence: null
access: public
rubric: binary
layouts:
  - columns: [image, question, answer, modality]
    question: "{{ question }}"
    reference: { text: answer }
    images: { columns: [image] }
    cluster: image
    subgroups: { modality: modality }
`,
  );
});
afterAll(() => rm(folder, { recursive: true }));

async function open(): Promise<OpenedTask> {
  const task = await openTask(join(folder, 'scans.yaml'));
  return { task, source: await openTaskSource(task, { hub: {}, cache: '' }) };
}

/** A results folder that lists the scans' samples, or those of them that are taken. */
async function listed(takes: (index: number) => boolean = () => true): Promise<string> {
  const results = await mkdtemp(join(folder, 'results-'));
  const { task, source } = await open();
  const lines: string[] = [];
  for await (const row of readTaskSamples(task, source, never)) {
    if (row.kind !== 'sample' || !takes(row.sample.index)) continue;
    lines.push(`${JSON.stringify(toSampleRow(row.sample))}\n`);
  }
  await mkdir(join(results, 'samples'));
  await writeFile(join(results, 'samples', 'scans.jsonl'), lines.join(''));
  return results;
}

async function collect(results: string, otherImages = true, opening = open) {
  const found: IllustratedSample[] = [];
  const samples = readIllustratedSamples(results, 'scans', opening, { otherImages }, never);
  for await (const one of samples) found.push(one);
  return found;
}

async function wrongImages(seed: number, takes?: (index: number) => boolean) {
  const names = new Map<number, string | undefined>();
  for (const { sample, otherImages } of await collect(await listed(takes))) {
    const context = { seed, choiceTemplate: '', otherImages };
    const changed = await applyVariant(sample, 'wrong-image', context);
    if (isNotApplicable(changed)) throw new Error(changed.reason);
    names.set(sample.index, changed.images[0]?.name);
  }
  return names;
}

it('have another scan of their modality as wrong image', async () => {
  for (const [index, name] of await wrongImages(1)) {
    const [scan, other] = [Math.floor(index / 2), Number.parseInt(name ?? '', 10)];
    expect(other).not.toBe(scan);
    expect(other % 2).toBe(scan % 2);
  }
});

it('have the same wrong image whether those before them are asked or not', async () => {
  const all = await wrongImages(1);
  const some = await wrongImages(1, (index) => index % 5 === 3);
  expect(some.size).toBe(3);
  for (const [index, name] of some) expect(all.get(index)).toBe(name);
  expect([...(await wrongImages(2)).values()]).not.toEqual([...all.values()]);
});

it('come with their own images and no others where none are wanted', async () => {
  const found = await collect(await listed(), false);
  expect(found).toHaveLength(16);
  expect(found.every(({ otherImages }) => otherImages.length === 0)).toBe(true);
  expect(found.map(({ sample }) => sample.images[0]?.name)).toEqual(
    found.map(({ sample }) => `${Math.floor(sample.index / 2)}.png`),
  );
});

it('are what was listed, and without images the source is not opened', async () => {
  const results = await listed();
  const path = join(results, 'samples', 'scans.jsonl');
  const rows = (await readFile(path, 'utf8')).trim().split('\n');
  const textOnly = rows.map((row) => ({ ...JSON.parse(row), images: [] }));
  await writeFile(path, textOnly.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const unopened = () => Promise.reject(new Error('the source was opened'));
  const found = await collect(results, true, unopened);
  expect(found.map(({ sample }) => toSampleRow(sample))).toEqual(textOnly);
});
