/** How far a stage is. */
import type { Clock } from '../../core/async/clock.ts';

type StageProgress = {
  readonly stage: 'read' | 'generate' | 'judge';
  readonly taskId: string;
  /** Of this task, earlier runs included. */
  readonly done: number;
  /** Not known while a task's rows are read. */
  readonly of?: number;
  /** Failures among what this run has done. */
  readonly failed: number;
  /** At the pace of this run so far; absent until one is known. */
  readonly secondsLeft?: number;
};

export type OnProgress = (progress: StageProgress) => void;

/** How a stage ended. */
export type StageEnd = {
  /** Outcomes of this run. */
  readonly done: number;
  readonly failed: number;
  /** Why it stopped before the end: a cap is reached. */
  readonly stopped?: string;
};

export type ProgressCounter = {
  /** One more is done. */
  count(failed: boolean): void;
  /** What this run has done, and how much of it failed. */
  readonly done: number;
  readonly failed: number;
};

/** @param already done by earlier runs */
export function countProgress(
  start: { readonly stage: 'generate' | 'judge'; readonly taskId: string },
  { already, of }: { readonly already: number; readonly of: number },
  clock: Clock,
  onProgress: OnProgress,
): ProgressCounter {
  const startedAt = clock.now();
  const counter = {
    done: 0,
    failed: 0,
    count: (failed: boolean) => {
      counter.done++;
      if (failed) counter.failed++;
      report();
    },
  };
  const report = () => {
    const left = of - already - counter.done;
    const pace = (clock.now() - startedAt) / counter.done;
    onProgress({
      ...start,
      done: already + counter.done,
      of,
      failed: counter.failed,
      ...(counter.done > 0 ? { secondsLeft: (left * pace) / 1000 } : {}),
    });
  };
  report();
  return counter;
}
