/** Where a run stands, apart from the engine's weights: all that a checkpoint adds to them. */
import { z } from 'zod';
import type { SftConfig } from '../config/sft-config.ts';
import { fail, messageOf } from '../core/errors.ts';
import type { Engine } from '../engine/engine.ts';
import type { RunWriter } from '../run/run-writer.ts';
import type { Observers } from './observers.ts';

const stateSchema = z.strictObject({
  /** Last iteration done. */
  iteration: z.int().nonnegative(),
  /** Samples drawn. */
  draws: z.int().nonnegative(),
  /** Optimizer steps taken, skipped ones included. */
  steps: z.int().nonnegative(),
  /** Best validation so far; null before the first. */
  bestScore: z.number().nullable(),
  /** Of KL penalty and entropy bonus; absent before the first iteration, and in supervised fine-tuning. */
  coefficients: z
    .strictObject({ kl: z.number(), entropy: z.number(), isEntropyLow: z.boolean() })
    .exactOptional(),
  /** Measurements since then, none of them better. Earlier versions did not count them. */
  sinceBest: z.int().nonnegative().default(0),
  /** What is measured. Absent in earlier versions and before the first measurement. */
  scoredBy: z.string().exactOptional(),
  /** Of the curriculum, see curriculum.ts. Absent without one. */
  passRates: z.record(z.string(), z.number()).exactOptional(),
});

export type ProgressState = z.infer<typeof stateSchema>;

const start: ProgressState = { iteration: 0, draws: 0, steps: 0, bestScore: null, sinceBest: 0 };

/**
 * Loads the engine from the run's newest checkpoint, if it has one, and tells where the run starts.
 * @throws MedixError 'run' when the checkpoint was written by another kind of run.
 */
export async function startProgress({
  run,
  engine,
  observers,
  config,
}: {
  readonly run: RunWriter;
  readonly engine: Engine;
  readonly observers: Observers;
  readonly config: { readonly iterations: number };
}): Promise<ProgressState> {
  const state = await restoreProgress(run, engine);
  await observers.event(state.iteration, {
    kind: 'started',
    iteration: state.iteration,
    iterations: config.iterations,
    model: engine.model.id,
    parameters: engine.model.parameters,
    ...(engine.model.setup === undefined ? {} : { setup: engine.model.setup }),
  });
  return state;
}

async function restoreProgress(run: RunWriter, engine: Engine): Promise<ProgressState> {
  const checkpoint = run.resumeFrom;
  if (!checkpoint) return start;
  const state = stateSchema.safeParse(checkpoint.trainer);
  if (!state.success) {
    fail('run', {
      where: checkpoint.directory,
      expected: "this version's trainer state",
      got: messageOf(state.error),
      next: 'resume with the version that wrote it',
    });
  }
  await engine.load(checkpoint.engine, checkpoint.engineDirectory);
  return state.data;
}

/** @param score validation at this very iteration, higher is better. */
export async function saveProgress(
  run: RunWriter,
  engine: Engine,
  state: ProgressState,
  score: number | null,
  keepLast: number,
): Promise<void> {
  const { iteration, scoredBy } = state;
  await run.writeCheckpoint(
    { iteration, score, ...(scoredBy === undefined ? {} : { scoredBy }), trainer: state },
    (directory) => engine.save(directory),
    keepLast,
  );
}

type Saving = {
  readonly config: Pick<SftConfig, 'checkpoint'>;
  readonly run: RunWriter;
  readonly engine: Engine;
  readonly observers: Observers;
};

/** Saves every so often, after the last iteration, and whenever validation was never better. */
export async function checkpointIfDue(
  { config, run, engine, observers }: Saving,
  state: ProgressState,
  score: number | null,
  isLast: boolean,
): Promise<void> {
  const { every, keepLast } = config.checkpoint;
  const isBest = score !== null && state.sinceBest === 0;
  if (!isBest && !isLast && state.iteration % every !== 0) return;
  await saveProgress(run, engine, state, score, keepLast);
  const reason = isBest ? 'best' : isLast ? 'last' : 'due';
  await observers.event(state.iteration, { kind: 'checkpoint', reason });
}

type Standing = Pick<ProgressState, 'bestScore' | 'sinceBest' | 'scoredBy'>;

/**
 * The best score after a measurement.
 * @param score higher is better; null where nothing was measured
 * @param scoredBy names what is measured; the best by another measure is forgotten
 */
export function standingAfter(
  before: ProgressState,
  score: number | null,
  scoredBy: string,
): Standing {
  const isSame = (before.scoredBy ?? scoredBy) === scoredBy;
  const { bestScore, sinceBest } = isSame ? before : start;
  if (score === null) return { bestScore, sinceBest, scoredBy };
  const isBest = bestScore === null || score > bestScore;
  return isBest
    ? { bestScore: score, sinceBest: 0, scoredBy }
    : { bestScore, sinceBest: sinceBest + 1, scoredBy };
}

/** Whether as many measurements as `patience` in a row were no better; null waits for ever. */
export function isOutOfPatience(
  { sinceBest }: Pick<ProgressState, 'sinceBest'>,
  patience: number | null,
): boolean {
  return patience !== null && sinceBest >= patience;
}
