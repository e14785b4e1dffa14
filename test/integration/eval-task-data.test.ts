/** Tasks over the real data of the development machine, and over a set too large for memory. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTask } from '../../src/eval/tasks/open-task.ts';
import { readTaskSamples } from '../../src/eval/tasks/read-task-samples.ts';
import type { EvalSample } from '../../src/eval/tasks/sample.ts';
import { openTaskSource } from '../../src/eval/tasks/task-source.ts';

const shared = fileURLToPath(new URL('../../../shared/data', import.meta.url));

/** What a task's rows become: counts by kind, letter or cause, and how many clusters and ids there are. */
async function summaryOf(id: string, data: string, see: (sample: EvalSample) => void = () => {}) {
  const task = await openTask(id);
  const source = await openTaskSource(task, { data, hub: {}, cache: '' });
  const counts: Record<string, number> = {};
  const ids = new Set<string>();
  const clusters = new Set<string>();
  for await (const row of readTaskSamples(task, source, new AbortController().signal)) {
    const key =
      row.kind === 'rejected' ? row.cause : (row.sample.referenceLetter ?? row.sample.kind);
    counts[key] = (counts[key] ?? 0) + 1;
    if (row.kind === 'rejected') continue;
    ids.add(row.sample.id);
    clusters.add(row.sample.cluster);
    see(row.sample);
  }
  return { counts, ids: ids.size, clusters: clusters.size };
}

describe('real data', () => {
  const cases = [
    ['medqa', 'text/medqa.jsonl', { A: 145, B: 113, C: 141, D: 101 }],
    ['medmcqa', 'text/medmcqa.jsonl', { A: 164, B: 131, C: 107, D: 98 }],
    ['pubmedqa', 'text/pubmedqa.jsonl', { A: 276, B: 169, C: 55 }],
    ['mmlu_anatomy', 'text/mmlu_anatomy.jsonl', { A: 25, B: 34, C: 45, D: 31 }],
    ['mmlu_clinical_knowledge', 'text/mmlu_clinical_knowledge.jsonl', undefined],
    ['mmlu_college_biology', 'text/mmlu_college_biology.jsonl', undefined],
    ['mmlu_medical_genetics', 'text/mmlu_medical_genetics.jsonl', undefined],
    ['mmlu_professional_medicine', 'text/mmlu_professional_medicine.jsonl', undefined],
    ['rad_vqa', 'medvqa/test.parquet', { closed: 144, open: 113 }],
  ] as const;

  it.for(cases)('of %s all become samples', async ([id, file, expected], context) => {
    const path = join(shared, file);
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (!exists) context.skip(`${path} is not on this machine`);
    const { counts, ids } = await summaryOf(id, path);
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    expect(ids).toBe(total);
    expect(Object.keys(counts).every((key) => /^([A-D]|open|closed)$/.test(key))).toBe(true);
    if (expected) expect(counts).toEqual(expected);
    const { rows } = await openTask(id);
    if (id.startsWith('mmlu')) expect(total).toBe(rows);
  });

  it('of VQA-RAD fall into clusters of one image each', async (context) => {
    const path = join(shared, 'medvqa/test.parquet');
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (!exists) context.skip(`${path} is not on this machine`);
    const modalities = new Set<string>();
    const { ids, clusters } = await summaryOf('rad_vqa', path, ({ subgroups }) =>
      modalities.add(subgroups['modality'] ?? ''),
    );
    expect(clusters).toBeLessThan(ids / 2);
    expect([...modalities].toSorted()).toEqual(['CT_SCAN', 'MRI_SCAN', 'X_RAY']);
  });
});

describe('a set of 100,000 rows', () => {
  const rows = 100_000;
  let folder: string;
  let path: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'medix-large-'));
    path = join(folder, 'rows.jsonl');
    const file = createWriteStream(path);
    const padding = 'of a stem as long as an examination question is, '.repeat(8);
    for (let i = 0; i < rows; i++) {
      const options = { A: 'one', B: 'two', C: 'three', D: 'four' };
      const row = { question: `Question ${i} ${padding}?`, options, answer_idx: 'ABCD'[i % 4] };
      if (!file.write(`${JSON.stringify(row)}\n`)) await once(file, 'drain');
    }
    file.end();
    await once(file, 'finish');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('streams: memory grows by far less than the set holds', async () => {
    const task = await openTask('medqa');
    const source = await openTaskSource(task, { data: path, hub: {}, cache: '' });
    let count = 0;
    let start = 0;
    let peak = 0;
    for await (const { kind } of readTaskSamples(task, source, new AbortController().signal)) {
      if (kind === 'sample') count++;
      if (count === rows / 10) start = process.memoryUsage().rss;
      if (count % 1000 === 0) peak = Math.max(peak, process.memoryUsage().rss);
    }
    expect(count).toBe(rows);
    expect(peak - start).toBeLessThan(40e6);
  });
});
