import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTask } from './open-task.ts';
import { readTaskSamples } from './read-task-samples.ts';
import type { EvalSample, TaskRow } from './sample.ts';
import { openTaskSource } from './task-source.ts';
import { renderQuestion } from './template.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-samples-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function read(id: string, data: string, signal = new AbortController().signal) {
  const task = await openTask(id);
  const source = await openTaskSource(task, { data, hub: {}, cache: '' });
  const rows: TaskRow[] = [];
  for await (const row of readTaskSamples(task, source, signal)) rows.push(row);
  return rows;
}

async function readRows(id: string, rows: readonly unknown[], name = 'rows.jsonl') {
  const path = join(folder, name);
  const text = name.endsWith('.json')
    ? JSON.stringify(rows)
    : rows.map((row) => JSON.stringify(row)).join('\n');
  await writeFile(path, text);
  return read(id, path);
}

function samplesOf(rows: readonly TaskRow[]): EvalSample[] {
  return rows.flatMap((row) => (row.kind === 'sample' ? [row.sample] : []));
}

const medqa = (question: string, answer = 'B') => ({
  question,
  options: { A: 'one', B: 'two', C: 'three' },
  answer_idx: answer,
});
const medmcqa = (cop: number) => ({
  question: `Q${cop}?`,
  opa: 'a',
  opb: 'b',
  opc: 'c',
  opd: 'd',
  cop,
});

describe('ids of samples', () => {
  it('stay with the content when rows move, and change with it', async () => {
    const before = samplesOf(await readRows('medqa', [medqa('First?'), medqa('Second?')]));
    const after = samplesOf(await readRows('medqa', [medqa('Second?'), medqa('First?', 'C')]));
    expect(after[0]?.id).toBe(before[1]?.id);
    expect(after[1]?.id).not.toBe(before[0]?.id);
    expect(before[0]?.id).toMatch(/^medqa-[0-9a-f]{16}$/);
  });

  it('number rows that repeat', async () => {
    const rows = [medqa('Same?'), medqa('Other?'), medqa('Same?'), medqa('Same?')];
    const [first, , second, third] = samplesOf(await readRows('medqa', rows));
    expect([second?.id, third?.id]).toEqual([`${first?.id}-2`, `${first?.id}-3`]);
    expect(second?.cluster).toBe(second?.id);
  });
});

describe('a file of rows', () => {
  it('gives the same samples as JSONL, as a JSON array and as parquet', async () => {
    const rows = [
      { question: 'First?', subject: 'anatomy', choices: ['a', 'b', 'c', 'd'], answer: 3 },
      { question: 'Second?', subject: 'anatomy', choices: ['e', 'f', 'g', 'h'], answer: 0 },
      { question: 'Not of it?', subject: 'law', choices: ['e', 'f', 'g', 'h'], answer: 0 },
    ];
    const asLines = await readRows('mmlu_anatomy', rows);
    expect(await readRows('mmlu_anatomy', rows, 'rows.json')).toEqual(asLines);
    const path = join(folder, 'rows.parquet');
    const columnData = [
      { name: 'question', data: rows.map(({ question }) => question) },
      { name: 'subject', data: rows.map(({ subject }) => subject) },
      { name: 'choices', data: rows.map(({ choices }) => choices), type: 'JSON' as const },
      { name: 'answer', data: rows.map(({ answer }) => BigInt(answer)) },
      { name: 'unread', data: rows.map(() => 'x') },
    ];
    await writeFile(path, Buffer.from(parquetWriteBuffer({ columnData })));
    expect(await read('mmlu_anatomy', path)).toEqual(asLines);
    expect(samplesOf(asLines).map(({ referenceLetter }) => referenceLetter)).toEqual(['D', 'A']);
  });

  it('in parquet without the columns fails with what is missing', async () => {
    const columnData = [{ name: 'question', data: ['Q?'] }];
    const path = join(folder, 'rows.parquet');
    await writeFile(path, Buffer.from(parquetWriteBuffer({ columnData })));
    await expect(read('medqa', path)).rejects.toThrow(
      /expected the columns sent1, .*; or question, options, answer_idx, got no options and no answer_idx/,
    );
  });

  it('tells rows that cannot be read or lack a column, and reads the others', async () => {
    const path = join(folder, 'rows.jsonl');
    const rows = [JSON.stringify(medqa('Good?')), '{"question":', '{"question":"Q?"}'];
    await writeFile(path, rows.join('\n'));
    expect(await read('medqa', path)).toMatchObject([
      { kind: 'sample' },
      { kind: 'rejected', index: 1, row: 1, cause: 'malformed' },
      {
        kind: 'rejected',
        index: 2,
        cause: 'missing-column',
        problem: 'no options and no answer_idx; its columns are question',
      },
    ]);
  });

  it('without one usable row is an error that names the first five', async () => {
    const rows = Array.from({ length: 7 }, () => medqa('Q?', 'X'));
    const failure = await readRows('medqa', rows).catch((error: Error) => error.message);
    expect(failure).toMatch(/got 7 rows, all rejected/);
    expect(String(failure).split('\n')).toHaveLength(6);
    await expect(readRows('medqa', [])).rejects.toThrow(/got no row of the task/);
  });

  it('stops when it is cancelled', async () => {
    const path = join(folder, 'rows.jsonl');
    await writeFile(path, JSON.stringify(medqa('Q?')));
    await expect(read('medqa', path, AbortSignal.abort())).rejects.toThrow('aborted');
  });
});

describe('numbers of choices', () => {
  const letters = (rows: readonly TaskRow[]) =>
    samplesOf(rows).map(({ referenceLetter }) => referenceLetter);

  it('count from 0 where a 0 occurs and from 1 where the last choice has its own number', async () => {
    expect(letters(await readRows('medmcqa', [1, 3, 0].map(medmcqa)))).toEqual(['B', 'D', 'A']);
    expect(letters(await readRows('medmcqa', [1, 3, 4].map(medmcqa)))).toEqual(['A', 'C', 'D']);
  });

  it('that show neither, or as much of both, are an error instead of a guess', async () => {
    await expect(readRows('medmcqa', [1, 2].map(medmcqa))).rejects.toThrow(
      /got neither a 0 nor the number of the last choice/,
    );
    await expect(readRows('medmcqa', [0, 4].map(medmcqa))).rejects.toThrow(
      /as many rows that show the one as rows/,
    );
  });

  it('that speak against the others are rejected', async () => {
    const rows = await readRows('medmcqa', [4, 4, 0].map(medmcqa));
    expect(rows[2]).toMatchObject({ kind: 'rejected', cause: 'choice-out-of-range' });
  });
});

describe('a question with choices', () => {
  it('can be rendered again with the choices in another order', async () => {
    const [sample] = samplesOf(await readRows('medqa', [medqa('Q {{ stays }}?')]));
    const task = await openTask('medqa');
    const turned = [
      { letter: 'A', text: 'two' },
      { letter: 'B', text: 'one' },
    ];
    expect(renderQuestion(task, sample?.stem ?? '', turned)).toBe(
      'Q {{ stays }}?\n\nChoices:\nA. two\nB. one',
    );
    expect(renderQuestion(task, sample?.stem ?? '', sample?.choices ?? [])).toBe(sample?.problem);
  });
});
