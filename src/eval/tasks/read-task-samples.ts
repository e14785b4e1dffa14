/**
 * Rows of a task as samples. Memory holds one row group or line, and some fifty bytes a row by which
 * repeated rows are told apart.
 */
import { digestOf } from '../../core/digest.ts';
import { MedixError } from '../../core/errors.ts';
import { quoted } from '../../core/quoted.ts';
import type { DataFile } from '../../data/data-file.ts';
import { type Fields, readField, textOf } from '../../data/field.ts';
import { countImageMarks, imageMark } from '../../data/image-marks.ts';
import type { TaskKind } from '../results/records.ts';
import { answerOrigins } from './answer-origin.ts';
import { choiceSlots, choicesOf } from './choices.ts';
import { type LoadedImage, loadImages } from './images.ts';
import { type LayoutRow, readLayoutRows } from './layout-rows.ts';
import { type Reference, referenceOf } from './reference.ts';
import {
  type Choice,
  type EvalSample,
  modalityOfSubgroups,
  type RejectedTaskRow,
  RowProblem,
  type TaskRow,
} from './sample.ts';
import type { Layout, Task } from './task-schema.ts';
import type { TaskSource } from './task-source.ts';
import { renderQuestion, renderStem } from './template.ts';

/**
 * Reads a task's rows in order. Every row that belongs to the task comes out, as a sample or as a
 * rejection with its cause; rows that the layout's `where` leaves out do not.
 *
 * @throws MedixError where a file is missing, damaged or of another layout; and at the end where not one
 *   row became a sample, with the first five rejections
 */
export async function* readTaskSamples(
  task: Task,
  source: TaskSource,
  signal: AbortSignal,
): AsyncGenerator<TaskRow> {
  const origins = await answerOrigins(task, source, signal);
  const occurrences = new Map<number, number>();
  const firstRejected: RejectedTaskRow[] = [];
  let index = 0;
  let samples = 0;
  for await (const file of source.files(signal)) {
    for await (const row of readLayoutRows(file, task.layouts, signal)) {
      signal.throwIfAborted();
      const imageRoot = source.imageRoot ?? file.folder;
      const outcome = await toTaskRow({ task, origins, file, imageRoot }, row, index++);
      if (outcome.kind === 'sample') {
        samples++;
        yield { kind: 'sample', sample: withOwnId(outcome.sample, occurrences) };
      } else {
        if (firstRejected.length < 5) firstRejected.push(outcome);
        yield outcome;
      }
    }
  }
  if (samples === 0) throw nothingUsable(task, source, index, firstRejected);
}

type RowContext = {
  readonly task: Task;
  readonly origins: ReadonlyMap<Layout, 0 | 1>;
  readonly file: DataFile;
  readonly imageRoot: string | undefined;
};

async function toTaskRow(context: RowContext, row: LayoutRow, index: number): Promise<TaskRow> {
  const { task, file } = context;
  try {
    if (row.kind === 'unfit') throw new RowProblem(row.cause, row.problem);
    return { kind: 'sample', sample: await toSample(context, row.layout, row.fields, index) };
  } catch (error) {
    if (!(error instanceof RowProblem)) throw error;
    const { rejection: cause, message: problem } = error;
    return {
      kind: 'rejected',
      taskId: task.id,
      index,
      file: file.name,
      row: row.row,
      cause,
      problem,
    };
  }
}

async function toSample(
  { task, origins, imageRoot }: RowContext,
  layout: Layout,
  fields: Fields,
  index: number,
): Promise<EvalSample> {
  const stem = renderStem(layout.question, fields);
  if (stem === '') throw new RowProblem('empty-question', 'the question is empty');
  const slots =
    layout.choices && mayHaveChoices(task, fields) ? choiceSlots(layout.choices, fields) : [];
  const choices = choicesOf(slots);
  const reference = referenceOf(layout.reference, fields, slots, origins.get(layout) ?? 0);
  const kind = kindOf(task, fields, reference.text);
  if (kind === 'multiple-choice' && choices.length < 2) {
    throw new RowProblem('malformed', `multiple choice with ${choices.length} choices`);
  }
  const images = layout.images ? await loadImages(layout.images, fields, imageRoot) : [];
  const problem = renderQuestion(task, stem, choices);
  if (layout.images) requireMarks(problem, images.length);
  const subgroups = subgroupsOf(layout, fields);
  const id = `${task.id}-${contentHash(stem, choices, reference, images)}`;
  return {
    id,
    source: task.id,
    index,
    kind,
    stem,
    problem,
    choices,
    ...modalityOfSubgroups(subgroups),
    referenceAnswer: reference.text,
    ...(reference.letter === undefined ? {} : { referenceLetter: reference.letter }),
    accepted: reference.accepted,
    images: images.map(({ bytes, name }) => ({ bytes, name })),
    imageDigests: images.map(({ digest }) => digest),
    cluster: clusterOf(layout, fields, images) ?? id,
    subgroups,
  };
}

/** A question with images may say where each of them belongs; then it says so for all. */
function requireMarks(problem: string, images: number): void {
  const marks = countImageMarks(problem);
  if (marks === 0 || marks === images) return;
  throw new RowProblem(
    'malformed',
    `${marks} marks ${imageMark} in the question of ${images} images`,
  );
}

/** Where the kind goes by row, rows of another kind may hold an empty list of choices. */
function mayHaveChoices({ kind }: Task, fields: Fields): boolean {
  return (
    typeof kind !== 'object' || kind.values[textOf(fields[kind.column]) ?? ''] === 'multiple-choice'
  );
}

function kindOf({ kind }: Task, fields: Fields, reference: string): TaskKind {
  if (kind === 'by-answer') return /^(yes|no)\.?$/i.test(reference) ? 'closed' : 'open';
  if (typeof kind === 'string') return kind;
  const value = textOf(fields[kind.column]);
  const known = value === undefined ? undefined : kind.values[value];
  if (known) return known;
  const expected = Object.keys(kind.values).join(' or ');
  throw new RowProblem(
    'malformed',
    `${kind.column}: expected ${expected}, got ${value === undefined ? 'nothing' : quoted(value, 60)}`,
  );
}

function contentHash(
  stem: string,
  choices: readonly Choice[],
  { text, letter, accepted }: Reference,
  images: readonly LoadedImage[],
): string {
  const content = [
    stem,
    choices.map((choice) => [choice.letter, choice.text]),
    [text, letter ?? null, accepted],
    images.map(({ digest }) => digest),
  ];
  return digestOf(content).slice(0, 16);
}

function clusterOf(
  { cluster }: Layout,
  fields: Fields,
  images: readonly LoadedImage[],
): string | undefined {
  if (cluster === 'row') return undefined;
  if (cluster === 'image') return images.map(({ digest }) => digest.slice(0, 16)).join('+');
  const { column, pattern } = cluster;
  const part = pattern === undefined ? undefined : readField(fields, { column, pattern });
  return part ?? textOf(fields[column]);
}

function subgroupsOf({ subgroups }: Layout, fields: Fields): Record<string, string> {
  return Object.fromEntries(
    Object.entries(subgroups).flatMap(([dimension, field]) => {
      const value = readField(fields, field);
      return value === undefined ? [] : [[dimension, value]];
    }),
  );
}

/** A row that comes again gets a number; its cluster of one goes with it. */
function withOwnId(sample: EvalSample, occurrences: Map<number, number>): EvalSample {
  // 13 hexadecimal digits are what a number holds exactly, in a third of the memory of the text.
  const key = Number.parseInt(sample.id.slice(-16, -3), 16);
  const count = (occurrences.get(key) ?? 0) + 1;
  occurrences.set(key, count);
  if (count === 1) return sample;
  const id = `${sample.id}-${count}`;
  return { ...sample, id, cluster: sample.cluster === sample.id ? id : sample.cluster };
}

function nothingUsable(
  task: Task,
  source: TaskSource,
  rows: number,
  rejected: readonly RejectedTaskRow[],
): MedixError {
  const summary = {
    where: `task ${task.id} (${source.description})`,
    expected: 'at least one usable row',
    got: rows === 0 ? 'no row of the task' : `${rows} rows, all rejected`,
    next:
      rows === 0 ? 'check the location and `where` of the task' : 'correct the rows that follow',
  };
  const details = rejected.map(({ file, row, cause, problem }) => ({
    where: `${file}: row ${row}`,
    expected: 'a sample',
    got: `${cause} (${problem})`,
    next: 'correct the row',
  }));
  return new MedixError('data', [summary, ...details]);
}
