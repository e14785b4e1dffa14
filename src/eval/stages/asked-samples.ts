/**
 * The samples of a task that an evaluation asks about, as its results folder lists them. Folders hold texts
 * and digests; image files are read from the task's source, in one pass, and only where they are needed.
 */
import { resultsFile } from '../results/layout.ts';
import { type SampleRow, sampleRowSchema } from '../results/records.ts';
import { readRows } from '../results/rows.ts';
import { readTaskSamples } from '../tasks/read-task-samples.ts';
import { type EvalSample, fromSampleRow } from '../tasks/sample.ts';
import type { Task } from '../tasks/task-schema.ts';
import type { TaskSource } from '../tasks/task-source.ts';
import { type OtherImages, withOtherImages } from '../variants/other-images.ts';

export type OpenedTask = { readonly task: Task; readonly source: TaskSource };

/** Samples without their images, in the order of the task. */
export async function* readAskedSamples(
  folder: string,
  taskId: string,
  signal: AbortSignal,
): AsyncGenerator<EvalSample> {
  for await (const row of rowsOf(folder, taskId, signal)) yield fromSampleRow(row);
}

export type IllustratedSample = {
  readonly sample: EvalSample;
  /** Images of other studies near it; empty where they are not asked for, or it has none itself. */
  readonly otherImages: readonly OtherImages[];
};

/**
 * Samples with their images, in the order of the task. The source is opened only where a sample has images.
 * Other images are looked for in all of the task, also in samples that are not asked about, so that a sample
 * has the same ones whatever the limit.
 *
 * @throws MedixError as {@link readTaskSamples} does
 */
export async function* readIllustratedSamples(
  folder: string,
  taskId: string,
  openTask: () => Promise<OpenedTask>,
  needs: { readonly otherImages: boolean },
  signal: AbortSignal,
): AsyncGenerator<IllustratedSample> {
  const asked = new Set<string>();
  let hasImages = false;
  for await (const { id, images } of rowsOf(folder, taskId, signal)) {
    asked.add(id);
    hasImages ||= images.length > 0;
  }
  if (!hasImages) {
    yield* alone(readAskedSamples(folder, taskId, signal));
    return;
  }
  const found = samplesOf(await openTask(), signal);
  // An id is a digest of the content: a sample of the source is the one that was listed.
  for await (const one of needs.otherImages ? withOtherImages(found) : alone(found)) {
    if (asked.has(one.sample.id)) yield one;
  }
}

async function* rowsOf(
  folder: string,
  taskId: string,
  signal: AbortSignal,
): AsyncGenerator<SampleRow> {
  for await (const { value } of readRows(resultsFile.samples(folder, taskId), sampleRowSchema)) {
    signal.throwIfAborted();
    yield value;
  }
}

async function* samplesOf(
  { task, source }: OpenedTask,
  signal: AbortSignal,
): AsyncGenerator<EvalSample> {
  for await (const row of readTaskSamples(task, source, signal)) {
    if (row.kind === 'sample') yield row.sample;
  }
}

async function* alone(samples: AsyncIterable<EvalSample>): AsyncGenerator<IllustratedSample> {
  for await (const sample of samples) yield { sample, otherImages: [] };
}
