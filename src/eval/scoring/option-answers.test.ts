import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOfBytes } from '../../core/digest.ts';
import { readTaskRows } from '../results/joined-answers.ts';
import {
  type ResponseRow,
  type SampleRow,
  storedVerdict,
  type Variant,
  type VerdictRow,
} from '../results/records.ts';
import { optionAnswersOf } from './option-answers.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-options-'));
});
afterEach(() => rm(folder, { recursive: true }));

const choices = [
  { letter: 'A', text: 'liver' },
  { letter: 'B', text: 'spleen' },
];
const permuted = [
  { letter: 'A', text: 'spleen' },
  { letter: 'B', text: 'liver' },
];
const sample: SampleRow = {
  id: 's',
  task: 't',
  index: 0,
  kind: 'multiple-choice',
  question: '?',
  choices,
  reference: 'liver',
  accepted: [],
  cluster: 's',
  subgroups: {},
  images: [],
};
const response = (variant: Variant, text: string): ResponseRow => ({
  sampleId: 's',
  variant,
  epoch: 0,
  ...(variant === 'permuted-options' ? { asked: { question: '?', choices: permuted } } : {}),
  outcome: { kind: 'answered', text, stopReason: 'stop', latencyMs: 1 },
});
const verdict = (variant: Variant, text: string, score: number): VerdictRow => ({
  sampleId: 's',
  variant,
  epoch: 0,
  responseDigest: digestOfBytes(text),
  answer: text,
  truncated: false,
  outcome: { kind: 'scored', score },
  votes: [],
});

async function write(responses: readonly ResponseRow[], verdicts: readonly VerdictRow[]) {
  const files = { samples: [sample], responses, 'judgings/judge': verdicts.map(storedVerdict) };
  for (const [part, rows] of Object.entries(files)) {
    await mkdir(join(folder, part), { recursive: true });
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    await writeFile(join(folder, part, 't.jsonl'), text);
  }
}

async function read() {
  const rows = await readTaskRows(folder, 't', ['judge'], { keepOptions: true });
  return optionAnswersOf(rows, 'judge');
}

it('reads a letter by the options that were shown', async () => {
  await write(
    [response('original', 'A'), response('permuted-options', 'A')],
    [verdict('original', 'A', 1), verdict('permuted-options', 'A', 0)],
  );
  const [before, after] = await read();
  expect(before).toMatchObject({ right: 'A', taken: { letter: 'A', text: 'liver' }, score: 1 });
  expect(after).toMatchObject({ right: 'B', taken: { letter: 'A', text: 'spleen' }, score: 0 });
});

it('takes no verdict on a response that was replaced, nor one of another variant', async () => {
  await write(
    [response('original', 'A'), response('original', 'B'), response('blank-image', 'A')],
    [verdict('original', 'A', 1), verdict('blank-image', 'A', 1)],
  );
  expect(await read()).toEqual([]);
});

it('finds nothing where nothing is stored', async () => {
  expect(await read()).toEqual([]);
});
