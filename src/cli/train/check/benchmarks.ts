/** The shipped benchmarks whose files are on this machine, as rows to compare training rows with. */
import { listTasks } from '../../../eval/tasks/open-task.ts';
import { readTaskSamples } from '../../../eval/tasks/read-task-samples.ts';
import type { Task } from '../../../eval/tasks/task-schema.ts';
import {
  checkTaskAccess,
  openTaskSource,
  type TaskAccess,
  taskDataState,
} from '../../../eval/tasks/task-source.ts';
import type { ComparedRow, OtherSet } from './compare-rows.ts';

export type BenchmarkSets = {
  readonly sets: readonly OtherSet[];
  /** Ids of those whose files are not here. */
  readonly absent: readonly string[];
};

/**
 * Nothing is downloaded.
 * @param withImages whether benchmarks of images are wanted, or those of text alone
 */
export async function benchmarksHere(
  withImages: boolean,
  access: TaskAccess,
  signal: AbortSignal,
): Promise<BenchmarkSets> {
  const tasks = (await listTasks()).filter(({ input }) => (input !== 'text') === withImages);
  const here = await Promise.all(tasks.map((task) => isHere(task, access)));
  return {
    sets: tasks
      .filter((_, place) => here[place])
      .map((task) => ({ name: task.id, rows: rowsOf(task, access, signal) })),
    absent: tasks.filter((_, place) => !here[place]).map(({ id }) => id),
  };
}

async function isHere(task: Task, access: TaskAccess): Promise<boolean> {
  if (checkTaskAccess(task, access) !== undefined) return false;
  const state = await taskDataState(task, access);
  return state.kind === 'cached' || (state.kind === 'local' && state.exists);
}

async function* rowsOf(
  task: Task,
  access: TaskAccess,
  signal: AbortSignal,
): AsyncGenerator<ComparedRow> {
  const source = await openTaskSource(task, access);
  for await (const row of readTaskSamples(task, source, signal)) {
    if (row.kind === 'sample') yield { problem: row.sample.stem, images: row.sample.images };
  }
}
