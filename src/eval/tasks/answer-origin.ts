/**
 * Whether the numbers of choices count from 0 or from 1. Copies of one data set differ in this (MedMCQA
 * from 0 on the hub, from 1 in its original), and a wrong guess would score nearly every answer wrong.
 */
import { fail } from '../../core/errors.ts';
import { type Fields, textOf } from '../../data/field.ts';
import { choiceSlots } from './choices.ts';
import { readLayoutRows } from './layout-rows.ts';
import { RowProblem } from './sample.ts';
import type { Layout, Task } from './task-schema.ts';
import type { TaskSource } from './task-source.ts';

/** How many rows can only count from 0, and how many only from 1. */
type Evidence = { fromZero: number; fromOne: number };

/**
 * The origin of every layout that refers to choices by number. Where a layout says `detect`, all rows are
 * read for it: 0 speaks for counting from 0, the number of choices for counting from 1. Rows that speak
 * against the rest are rejected later, as out of range.
 *
 * @throws MedixError where no row speaks for either, or as many for one as for the other
 */
export async function answerOrigins(
  task: Task,
  source: TaskSource,
  signal: AbortSignal,
): Promise<ReadonlyMap<Layout, 0 | 1>> {
  const origins = new Map<Layout, 0 | 1>();
  for (const layout of task.layouts) {
    const { reference } = layout;
    if ('index' in reference && reference.from !== 'detect') origins.set(layout, reference.from);
  }
  for (const [layout, { fromZero, fromOne }] of await collectEvidence(task, source, signal)) {
    if (fromZero === fromOne) failUndecided(task, source, fromZero);
    origins.set(layout, fromZero > fromOne ? 0 : 1);
  }
  return origins;
}

async function collectEvidence(
  task: Task,
  source: TaskSource,
  signal: AbortSignal,
): Promise<ReadonlyMap<Layout, Evidence>> {
  const evidence = new Map<Layout, Evidence>();
  if (!task.layouts.some(isDetected)) return evidence;
  for await (const file of source.files(signal)) {
    for await (const row of readLayoutRows(file, task.layouts, signal, columnsOf)) {
      if (row.kind !== 'fields' || !isDetected(row.layout)) continue;
      const seen = evidence.get(row.layout) ?? { fromZero: 0, fromOne: 0 };
      evidence.set(row.layout, seen);
      const { number, choices } = numbersOf(row.layout, row.fields);
      if (number === 0) seen.fromZero++;
      if (number === choices) seen.fromOne++;
    }
  }
  return evidence;
}

function isDetected({ reference }: Layout): boolean {
  return 'index' in reference && reference.from === 'detect';
}

function columnsOf({ reference, choices }: Layout): string[] {
  const answer = 'index' in reference ? [reference.index] : [];
  if (!choices || 'fixed' in choices) return answer;
  return [...answer, ...('columns' in choices ? choices.columns : [choices.column])];
}

/** The number of the right choice, and of all; NaN where the row has none. */
function numbersOf(layout: Layout, fields: Fields): { number: number; choices: number } {
  const { reference, choices } = layout;
  const written = 'index' in reference ? textOf(fields[reference.index]) : undefined;
  try {
    const count = choices ? choiceSlots(choices, fields).length : 0;
    return { number: Number(written ?? Number.NaN), choices: count };
  } catch (error) {
    // Such a row is rejected when it is read as a sample.
    if (error instanceof RowProblem) return { number: Number.NaN, choices: 0 };
    throw error;
  }
}

function failUndecided(task: Task, source: TaskSource, each: number): never {
  return fail('data', {
    where: `task ${task.id} (${source.description})`,
    expected: 'numbers of choices that show whether they count from 0 or from 1',
    got:
      each === 0
        ? 'neither a 0 nor the number of the last choice in any row'
        : 'as many rows that show the one as rows that show the other',
    next: 'write your own task file that says from where they count',
  });
}
