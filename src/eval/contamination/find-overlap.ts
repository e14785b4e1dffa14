/**
 * Which samples of tasks also occur in training sets. Tasks are held as hashes, training sets are read row
 * by row: memory grows with the tasks, not with what they are compared with.
 */
import type { HubAccess } from '../../config/environment.ts';
import { fail } from '../../core/errors.ts';
import type { Causes } from '../results/report.ts';
import { readTaskSamples } from '../tasks/read-task-samples.ts';
import type { Task } from '../tasks/task-schema.ts';
import type { TaskSource } from '../tasks/task-source.ts';
import { type Fingerprint, fingerprintOf } from './fingerprint.ts';
import { createImageIndex } from './image-index.ts';
import { createQuestionIndex } from './question-index.ts';
import { readTrainingRows, type TrainingRow } from './training-rows.ts';

/**
 * Where a question or image of a sample was found first: as an exact match (same words, same file) if there
 * is one, else as a near match.
 */
export type Match = { readonly how: 'exact' | 'near'; readonly place: string };

export type SampleOverlap = {
  readonly id: string;
  readonly taskId: string;
  readonly index: number;
  readonly cluster: string;
  readonly stem: string;
  readonly hasImages: boolean;
  question?: Match;
  image?: Match;
  /** A training row with both its question and its image. */
  both?: Match;
};

export type TrainingSet = {
  readonly location: string;
  readonly rows: number;
  readonly images: number;
  /** Rows and images that could not be compared, by cause. */
  readonly notCompared: Causes;
};

export type Overlap = {
  /** All samples of the tasks, in their order. */
  readonly samples: readonly Readonly<SampleOverlap>[];
  readonly training: readonly TrainingSet[];
};

export type OverlapOptions = {
  readonly tasks: readonly { readonly task: Task; readonly source: TaskSource }[];
  /** As for training: files, folders, `folder@split`, `owner/name@split` of the hub. */
  readonly training: readonly string[];
  readonly hub: HubAccess;
  readonly onProgress: (what: string, done: number) => void;
};

/** Rows whose images are decoded side by side. */
const rowsAtOnce = 8;

/** @throws MedixError where a task or a training set cannot be read, or a training set has no usable row */
export async function findOverlap(options: OverlapOptions, signal: AbortSignal): Promise<Overlap> {
  const index = await indexTasks(options, signal);
  const training: TrainingSet[] = [];
  for (const location of options.training) {
    training.push(await compareTraining(location, index, options, signal));
  }
  return { samples: index.samples, training };
}

type TaskIndex = {
  readonly samples: SampleOverlap[];
  readonly questions: ReturnType<typeof createQuestionIndex>;
  readonly images: ReturnType<typeof createImageIndex>;
};

async function indexTasks(
  { tasks, onProgress }: OverlapOptions,
  signal: AbortSignal,
): Promise<TaskIndex> {
  const samples: SampleOverlap[] = [];
  const questions = createQuestionIndex();
  const images = createImageIndex();
  for (const { task, source } of tasks) {
    for await (const row of readTaskSamples(task, source, signal)) {
      if (row.kind !== 'sample') continue;
      const { id, index, cluster, stem, images: files, imageDigests } = row.sample;
      const number = samples.length;
      const shown = stem.length > stemKept ? `${stem.slice(0, stemKept)}…` : stem;
      const hasImages = files.length > 0;
      samples.push({ id, taskId: task.id, index, cluster, stem: shown, hasImages });
      questions.add(number, stem);
      for (const [place, { bytes }] of files.entries()) {
        await images.add(number, imageDigests[place] ?? '', () => fingerprintOf(bytes));
      }
      onProgress(task.id, samples.length);
    }
  }
  return { samples, questions, images };
}

/** Characters of a question that examples show. */
const stemKept = 200;

async function compareTraining(
  location: string,
  index: TaskIndex,
  { hub, onProgress }: OverlapOptions,
  signal: AbortSignal,
): Promise<TrainingSet> {
  const notCompared = new Map<string, number>();
  const count = (cause: string) => notCompared.set(cause, (notCompared.get(cause) ?? 0) + 1);
  let [rows, images] = [0, 0];
  const mark = createMarker(index);
  for await (const { row, fingerprints } of withFingerprints(
    readTrainingRows(location, hub, signal),
  )) {
    if (row.kind === 'rejected') {
      count(row.cause);
      continue;
    }
    if (row.imageProblem !== undefined) count(row.imageProblem);
    rows++;
    images += row.images.length;
    mark(row, fingerprints);
    onProgress(location, rows);
  }
  if (rows === 0) failNothingCompared(location, notCompared);
  const causes = Object.fromEntries([...notCompared].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return { location, rows, images, notCompared: causes };
}

type Compared = {
  readonly row: TrainingRow;
  /** One an image. */
  readonly fingerprints: readonly (Fingerprint | undefined)[];
};

/** Decodes images of several rows side by side; rows stay in order. */
async function* withFingerprints(rows: AsyncIterable<TrainingRow>): AsyncGenerator<Compared> {
  const ahead: Promise<Compared>[] = [];
  for await (const row of rows) {
    ahead.push(compared(row));
    const first = ahead.length < rowsAtOnce ? undefined : ahead.shift();
    if (first !== undefined) yield await first;
  }
  for (const next of ahead) yield await next;
}

async function compared(row: TrainingRow): Promise<Compared> {
  const images = row.kind === 'row' ? row.images : [];
  return { row, fingerprints: await Promise.all(images.map(({ bytes }) => fingerprintOf(bytes))) };
}

/** Notes a training row at every sample that it overlaps with. */
function createMarker({ samples, questions, images }: TaskIndex) {
  const marked = new Set<readonly number[]>();
  const mark = (number: number, what: 'question' | 'image' | 'both', match: Match) => {
    const sample = samples[number];
    const known = sample?.[what];
    const isBetter = known === undefined || (known.how === 'near' && match.how === 'exact');
    if (sample && isBetter) sample[what] = match;
  };
  const markQuestion = (place: string, { exact, near }: Found) => {
    // Samples of a question that many rows ask are gone through once.
    const unmarked = marked.has(exact) ? [] : exact;
    marked.add(exact);
    for (const number of unmarked) mark(number, 'question', { how: 'exact', place });
    for (const { sample } of near) mark(sample, 'question', { how: 'near', place });
  };
  const markImage = (number: number, match: Match, asked: Found) => {
    mark(number, 'image', match);
    if (asked.exact.includes(number)) mark(number, 'both', match);
    else if (asked.near.some(({ sample }) => sample === number)) {
      mark(number, 'both', { ...match, how: 'near' });
    }
  };
  return (
    { place, question, images: files }: Extract<TrainingRow, { kind: 'row' }>,
    fingerprints: Compared['fingerprints'],
  ) => {
    const asked = question === '' ? nothing : questions.find(question);
    markQuestion(place, asked);
    for (const [file, { digest }] of files.entries()) {
      const shown = images.find(digest, fingerprints[file]);
      for (const number of shown.exact) markImage(number, { how: 'exact', place }, asked);
      for (const number of shown.near) markImage(number, { how: 'near', place }, asked);
    }
  };
}

type Found = ReturnType<TaskIndex['questions']['find']>;

const nothing: Found = { exact: [], near: [] };

function failNothingCompared(location: string, causes: ReadonlyMap<string, number>): never {
  const got = [...causes].map(([cause, rows]) => `${rows} × ${cause}`).join(', ');
  fail('data', {
    where: location,
    expected: 'rows with questions or images',
    got: got === '' ? 'no rows' : got,
    next: 'correct the location, or rename the columns of its rows',
  });
}
