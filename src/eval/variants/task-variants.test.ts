import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTask } from '../tasks/open-task.ts';
import { readTaskSamples } from '../tasks/read-task-samples.ts';
import type { EvalSample } from '../tasks/sample.ts';
import { openTaskSource } from '../tasks/task-source.ts';
import { isNotApplicable } from './not-applicable.ts';
import { createTaskVariants } from './task-variants.ts';

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

async function open(seed: number) {
  const task = await openTask(join(folder, 'scans.yaml'));
  const source = await openTaskSource(task, { hub: {}, cache: '' });
  const samples: EvalSample[] = [];
  for await (const row of readTaskSamples(task, source, never)) {
    if (row.kind === 'sample') samples.push(row.sample);
  }
  return { samples, applyVariant: createTaskVariants({ task, source }, seed) };
}

async function wrongImages(seed: number, takes: (index: number) => boolean) {
  const { samples, applyVariant } = await open(seed);
  const names = new Map<number, string | undefined>();
  for (const sample of samples) {
    if (!takes(sample.index)) continue;
    const changed = await applyVariant(sample, 'wrong-image', never);
    if (isNotApplicable(changed)) throw new Error(changed.reason);
    names.set(sample.index, changed.images[0]?.name);
  }
  return names;
}

it('gives every sample an image of another scan of its modality', async () => {
  for (const [index, name] of await wrongImages(1, () => true)) {
    const [scan, other] = [Math.floor(index / 2), Number.parseInt(name ?? '', 10)];
    expect(other).not.toBe(scan);
    expect(other % 2).toBe(scan % 2);
  }
});

it('gives a sample the same image whether those before it are asked or not', async () => {
  const all = await wrongImages(1, () => true);
  const some = await wrongImages(1, (index) => index % 5 === 3);
  expect(some.size).toBe(3);
  for (const [index, name] of some) expect(all.get(index)).toBe(name);
  expect([...(await wrongImages(2, () => true)).values()]).not.toEqual([...all.values()]);
});

it('answers several variants of a sample in any order, and again', async () => {
  const { samples, applyVariant } = await open(1);
  const [first] = samples;
  if (!first) throw new Error('no sample');
  const digestOf = async (variant: Parameters<typeof applyVariant>[1]) => {
    const changed = await applyVariant(first, variant, never);
    return isNotApplicable(changed) ? changed.reason : changed.imageDigests[0];
  };
  const wrong = await digestOf('wrong-image');
  expect(await digestOf('blank-image')).not.toBe(first.imageDigests[0]);
  expect(await digestOf('original')).toBe(first.imageDigests[0]);
  expect(await digestOf('wrong-image')).toBe(wrong);
  expect(await digestOf('permuted-options')).toBe('no-options');
});
