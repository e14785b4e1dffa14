/** What a training run tells the outside: stored in events.jsonl and shown as it happens. */
import { formatProblem } from '../core/errors.ts';
import type { RunWriter } from '../run/run-writer.ts';
import type { Rejection } from './prompt-source.ts';

export type TrainEvent =
  | {
      readonly kind: 'started';
      /** Last iteration done. */
      readonly iteration: number;
      readonly iterations: number;
      readonly model: string;
      readonly parameters: number;
    }
  | {
      readonly kind: 'prompt-rejected';
      readonly sampleId: string;
      readonly problem: string;
    }
  | {
      readonly kind: 'rescored';
      /** Rollouts that had no reward at first. */
      readonly unscored: number;
      readonly stillUnscored: number;
    }
  /** All groups were filtered out or too few prompts were left to fill the iteration. */
  | { readonly kind: 'short-iteration'; readonly groups: number; readonly wanted: number }
  | { readonly kind: 'step-skipped'; readonly reason: 'nonfinite-gradient' | 'no-groups' }
  | { readonly kind: 'checkpoint'; readonly reason: 'due' | 'best' | 'last' | 'pause' };

/** Passing states that are shown and not stored. */
export type Progress =
  | {
      readonly kind: 'sampling';
      readonly iteration: number;
      /** Groups done in this round. */
      readonly done: number;
      readonly of: number;
    }
  | {
      readonly kind: 'iteration';
      readonly iteration: number;
      readonly iterations: number;
      /** As in metrics.jsonl. */
      readonly values: Readonly<Record<string, number | null>>;
    };

export type Report = (event: TrainEvent | Progress) => void;

export type Emit = (iteration: number, event: TrainEvent) => Promise<void>;

/** Stores an event and shows it. */
export function createEmitter(run: RunWriter, report: Report): Emit {
  return async (iteration, event) => {
    await run.writeEvent(iteration, event);
    report(event);
  };
}

/** One event for each prompt that was passed over. */
export async function emitRejections(
  emit: Emit,
  iteration: number,
  rejected: readonly Rejection[],
): Promise<void> {
  for (const { sample, problem } of rejected) {
    const text = formatProblem(problem);
    await emit(iteration, { kind: 'prompt-rejected', sampleId: sample.id, problem: text });
  }
}
