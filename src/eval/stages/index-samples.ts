/** First pass over a task's rows: which samples are asked, and which rows cannot be. */
import { digestOfBytes } from '../../core/digest.ts';
import { foundAt } from '../../core/files.ts';
import type { Append } from '../../core/write-aside.ts';
import type { ResultsWriter } from '../results/folder.ts';
import { resultsFile } from '../results/layout.ts';
import type { RejectedRow, SampleRow } from '../results/records.ts';
import { readTaskSamples } from '../tasks/read-task-samples.ts';
import { type RejectedTaskRow, toSampleRow } from '../tasks/sample.ts';
import type { OpenedTask } from './asked-samples.ts';
import type { OnProgress } from './progress.ts';

/**
 * Lists the task's samples in the results folder unless they are there already. With a limit those with
 * the smallest digests are taken, which is a random draw that does not depend on the order of rows.
 * Memory holds twice the limit at most.
 */
export async function indexSamples(
  results: ResultsWriter,
  { task, source }: OpenedTask,
  limit: number | null,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  const samplesPath = resultsFile.samples(results.folder, task.id);
  if ((await foundAt(samplesPath)) !== 'missing') return;
  const rejectedPath = resultsFile.rejected(results.folder, task.id);
  await results.writeWhole(samplesPath, (appendSample) =>
    // Renamed first: where this file is missing the other is not there either.
    results.writeWhole(rejectedPath, async (appendRejected) => {
      const samples = limit === null ? passOn(appendSample) : drawSamples(limit, appendSample);
      let done = 0;
      for await (const row of readTaskSamples(task, source, signal)) {
        if (row.kind === 'sample') await samples.offer(toSampleRow(row.sample));
        else await appendRejected(lineOf(rejectedRow(row)));
        onProgress({ stage: 'read', taskId: task.id, done: ++done, failed: 0 });
      }
      await samples.end();
    }),
  );
}

function rejectedRow({ kind, taskId, ...row }: RejectedTaskRow): RejectedRow {
  return { task: taskId, ...row };
}

type SampleSink = {
  offer(row: SampleRow): Promise<void>;
  end(): Promise<void>;
};

function passOn(append: Append): SampleSink {
  return { offer: (row) => append(lineOf(row)), end: async () => {} };
}

function drawSamples(limit: number, append: Append): SampleSink {
  let kept: { readonly rank: string; readonly row: SampleRow }[] = [];
  const cut = () => {
    kept = kept.sort((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, limit);
  };
  return {
    offer: async (row) => {
      kept.push({ rank: digestOfBytes(row.id), row });
      if (kept.length >= 2 * limit) cut();
    },
    end: async () => {
      cut();
      for (const { row } of kept.sort((a, b) => a.row.index - b.row.index)) {
        await append(lineOf(row));
      }
    },
  };
}

function lineOf(row: unknown): string {
  return `${JSON.stringify(row)}\n`;
}
