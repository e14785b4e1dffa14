/**
 * Who hears of a training run: its record in the run directory first, then whoever wants to show or pass on
 * what happens (the terminal, telemetry, a caller's own code).
 */
import { formatProblem, messageOf } from '../core/errors.ts';
import type { RolloutsKind } from '../run/run-layout.ts';
import type { RunWriter } from '../run/run-writer.ts';
import type { TrainEvent } from './events.ts';
import type { Rejection } from './prompt-source.ts';
import type { RecordedRollouts } from './rollout-records.ts';

type SamplingProgress = {
  readonly iteration: number;
  /** Groups done in this round. */
  readonly done: number;
  readonly of: number;
};

/** The end of an iteration; iteration 0 is the validation before training. */
export type IterationReport = {
  readonly iteration: number;
  readonly iterations: number;
  /** As in metrics.jsonl. */
  readonly values: Readonly<Record<string, number | null>>;
};

export type RolloutsReport = RecordedRollouts & {
  readonly iteration: number;
  readonly kind: RolloutsKind;
};

/** How the work of one process on a run ended. */
export type RunEnd = 'finished' | 'stopped' | 'failed';

/** Each part is optional. What an observer throws is told once and never stops the run. */
export type RunObserver = {
  /** For people, where the observer itself fails. */
  readonly name: string;
  readonly event?: (iteration: number, event: TrainEvent) => void | Promise<void>;
  readonly sampling?: (progress: SamplingProgress) => void | Promise<void>;
  readonly iteration?: (report: IterationReport) => void | Promise<void>;
  readonly rollouts?: (report: RolloutsReport) => void | Promise<void>;
  /** The last that is told. */
  readonly ended?: (how: RunEnd) => void | Promise<void>;
};

/** The loop's side: tells all of them, in order, and waits for each. */
export type Observers = {
  event(iteration: number, event: TrainEvent): Promise<void>;
  sampling(progress: SamplingProgress): Promise<void>;
  iteration(report: IterationReport): Promise<void>;
  rollouts(report: RolloutsReport): Promise<void>;
  ended(how: RunEnd): Promise<void>;
};

/**
 * The run directory is told first, and it alone may stop the run: what cannot be recorded cannot be resumed.
 * @param keepImages whether images that were asked about are kept in the run directory
 */
export function createObservers(
  run: RunWriter,
  keepImages: boolean,
  others: readonly RunObserver[],
): Observers {
  const record = recordIn(run, keepImages);
  const failures = new Map<RunObserver, number>();
  let reached = 0;

  const event = async (iteration: number, told: TrainEvent): Promise<void> => {
    reached = iteration;
    await record.event(iteration, told);
    await tellOthers(iteration, (observer) => observer.event?.(iteration, told));
  };

  const tellOthers = async (
    iteration: number,
    tell: (observer: RunObserver) => void | Promise<void>,
  ): Promise<void> => {
    for (const observer of others) {
      try {
        await tell(observer);
      } catch (error) {
        const before = failures.get(observer) ?? 0;
        failures.set(observer, before + 1);
        if (before > 0) continue;
        const { name } = observer;
        await event(iteration, { kind: 'observer-failed', name, message: messageOf(error) });
      }
    }
  };

  return {
    event,
    sampling: (progress) =>
      tellOthers(progress.iteration, (observer) => observer.sampling?.(progress)),
    iteration: async (report) => {
      reached = report.iteration;
      await record.iteration(report);
      await tellOthers(report.iteration, (observer) => observer.iteration?.(report));
    },
    rollouts: async (report) => {
      await record.rollouts(report);
      await tellOthers(report.iteration, (observer) => observer.rollouts?.(report));
    },
    ended: async (how) => {
      await tellOthers(reached, (observer) => observer.ended?.(how));
      for (const [{ name }, times] of failures) {
        if (times > 1) await event(reached, { kind: 'observer-failures', name, times });
      }
    },
  };
}

/** Does the work, and tells observers how it ended. */
export async function observing<T>(
  observers: Observers,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  let how: RunEnd = 'failed';
  try {
    const result = await work();
    how = 'finished';
    return result;
  } catch (error) {
    if (signal.aborted) how = 'stopped';
    throw error;
  } finally {
    await observers.ended(how);
  }
}

function recordIn(run: RunWriter, keepImages: boolean) {
  return {
    name: 'run directory',
    event: (iteration, event) => run.writeEvent(iteration, event),
    iteration: ({ iteration, values }) => run.writeMetrics(iteration, values),
    rollouts: async ({ iteration, kind, lines, images }) => {
      if (keepImages) await run.writeImages(images);
      await run.writeRollouts(iteration, kind, lines);
    },
  } satisfies RunObserver;
}

/** One event for each prompt that was passed over. */
export async function tellRejections(
  observers: Observers,
  iteration: number,
  rejected: readonly Rejection[],
): Promise<void> {
  for (const { sampleId, problem } of rejected) {
    const text = formatProblem(problem);
    await observers.event(iteration, {
      kind: 'prompt-rejected',
      sampleId,
      problem: text,
    });
  }
}
