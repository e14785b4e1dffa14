/** Results folders as `medix eval` leaves them, without a model and without judges. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { evalConfigSchema } from '../../config/eval-config.ts';
import { digestOfBytes } from '../../core/digest.ts';
import { resultsFile } from '../results/layout.ts';
import {
  type EvalManifest,
  type ResponseRow,
  type SampleRow,
  storedVerdict,
  type VerdictRow,
} from '../results/records.ts';
import { scoreEvaluation } from '../scoring/score.ts';
import { openTask } from '../tasks/open-task.ts';
import { readTaskSamples } from '../tasks/read-task-samples.ts';
import { toSampleRow } from '../tasks/sample.ts';
import { openTaskSource } from '../tasks/task-source.ts';

/** Writes a task of two questions about each of `images` images, every third of them a TIFF. */
export async function writeScansTask(
  folder: string,
  images: number,
  access = 'public',
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const rows: object[] = [];
  for (let place = 0; place < images; place++) {
    const raw = Buffer.alloc(320 * 240, 30 + place);
    raw.fill(220, 320 * 60, 320 * 100);
    const image = sharp(raw, { raw: { width: 320, height: 240, channels: 1 } });
    const name = `scan-${place}.${place % 3 === 2 ? 'tiff' : 'png'}`;
    await image.toFile(join(folder, name));
    rows.push(
      { image: name, question: `Is there a bright band in scan ${place}?`, answer: 'yes' },
      { image: name, question: `Which organ shows scan ${place}?`, answer: 'Liver' },
    );
  }
  await writeFile(
    join(folder, 'scans.jsonl'),
    rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  );
  const file = join(folder, 'scans.yaml');
  await writeFile(
    file,
    `id: scans
title: Scans
input: image
kind: by-answer
source: { path: scans.jsonl }
rows: ${rows.length}
licence: null
access: ${access}
rubric: binary
layouts:
  - columns: [image, question, answer]
    question: "{{ question }}"
    reference: { text: answer }
    images: { columns: [image] }
    cluster: image
`,
  );
  return file;
}

type Evaluated = {
  readonly model: string;
  readonly taskFile: string;
  /** Undefined: the model failed. */
  readonly answer: (sample: SampleRow) => string | undefined;
  /** Null: the judge failed. */
  readonly score: (sample: SampleRow) => number | null;
  /** Further judgings by their names. */
  readonly judgings?: Readonly<Record<string, (sample: SampleRow) => number | null>>;
};

/** Writes the folder with the judging `judge`, and others that are named. */
export async function writeEvaluation(
  folder: string,
  { model, taskFile, answer, score, judgings = {} }: Evaluated,
): Promise<void> {
  const task = await openTask(taskFile);
  const samples = await sampleRowsOf(taskFile);
  const responses = samples.map((sample): ResponseRow => {
    const text = answer(sample);
    return {
      ...keyOf(sample),
      outcome:
        text === undefined
          ? { kind: 'failed', cause: 'transport', message: 'no answer' }
          : { kind: 'answered', text, stopReason: 'stop', latencyMs: 1 },
    };
  });
  const manifest: EvalManifest = {
    createdAt: '2026-01-01T00:00:00.000Z',
    config: { tasks: [taskFile], data: {}, imageRoots: {} },
    model: { id: model, kind: 'file', digest: digestOfBytes(model) },
    tasks: {
      scans: { digest: task.digest, source: taskFile, revision: null, access: task.access },
    },
    template: { name: 'question', digest: '0' },
    versions: {},
    ledger: {},
  };
  const judging = {
    createdAt: manifest.createdAt,
    mode: 'medix-r1',
    votes: 1,
    judges: [{ id: 'a-judge', kind: 'openai', digest: '1', certificate: null }],
    ledger: {},
  };
  await writeLines(resultsFile.manifest(folder), [manifest]);
  await writeLines(resultsFile.samples(folder, 'scans'), samples);
  await writeLines(resultsFile.responses(folder, 'scans'), responses);
  for (const [name, scoreOf] of Object.entries({ judge: score, ...judgings })) {
    const verdicts = samples.flatMap((sample) => verdictsOf(sample, answer(sample), scoreOf));
    await writeLines(resultsFile.judging(folder, name), [judging]);
    await writeLines(resultsFile.verdicts(folder, name, 'scans'), verdicts.map(storedVerdict));
  }
}

/** Scores the folder by its judging `judge` and keeps the report in it, as `medix eval score` does. */
export async function writeStoredReport(folder: string, taskFile: string): Promise<void> {
  const model = { kind: 'file', path: 'none', name: 'scripted' } as const;
  const named = { out: folder, model, tasks: [taskFile], judging: { name: 'judge' } };
  const config = evalConfigSchema.parse(named);
  const report = await scoreEvaluation({ folder, config, clock: () => 0 });
  await writeFile(resultsFile.report(folder), JSON.stringify(report));
}

function verdictsOf(
  sample: SampleRow,
  text: string | undefined,
  score: Evaluated['score'],
): VerdictRow[] {
  if (text === undefined) return [];
  const given = score(sample);
  return [
    {
      ...keyOf(sample),
      responseDigest: digestOfBytes(text),
      answer: text,
      truncated: false,
      outcome:
        given === null
          ? { kind: 'failed', cause: 'unparsable', message: 'no verdict' }
          : { kind: 'scored', score: given },
      votes: [],
    },
  ];
}

async function sampleRowsOf(taskFile: string): Promise<SampleRow[]> {
  const task = await openTask(taskFile);
  const source = await openTaskSource(task, { hub: {}, cache: '' });
  const rows: SampleRow[] = [];
  for await (const row of readTaskSamples(task, source, new AbortController().signal)) {
    if (row.kind === 'sample') rows.push(toSampleRow(row.sample));
  }
  return rows;
}

function keyOf({ id }: SampleRow) {
  return { sampleId: id, variant: 'original', epoch: 0 } as const;
}

async function writeLines(path: string, values: readonly object[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, values.map((value) => `${JSON.stringify(value)}\n`).join(''));
}
