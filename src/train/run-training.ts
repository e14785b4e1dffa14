/** A training run from what was opened to the finished model, on record in its run directory. */
import { processorTime, type WallClock } from '../core/async/clock.ts';
import { defined } from '../core/errors.ts';
import { runFacts } from '../run/run-facts.ts';
import { train } from './loop.ts';
import type { RunObserver } from './observers.ts';
import type { OpenedTraining } from './open-training.ts';
import type { ProgressState } from './progress-state.ts';
import { createPromptSource } from './prompt-source.ts';
import { type RunPlan, writeRun } from './write-run.ts';

export type TrainedRun = {
  /** Folder of the finished model. */
  readonly model: string;
  /** Where the run stood at its end. */
  readonly end: ProgressState;
};

/**
 * Trains until the last iteration.
 * @param observers told beside the run directory
 * @param isOutOfTime asked after each update; true makes that iteration the last. @default never
 * @throws MedixError 'data' before there is a run directory where no sample gives a prompt; what the loop throws; MedixError 'cancelled' when the signal aborted. Each says how to resume.
 */
export async function runTraining(
  opened: OpenedTraining,
  plan: Pick<RunPlan, 'command' | 'isResumed' | 'overrides'>,
  {
    observers,
    signal,
    clock,
    isOutOfTime = () => false,
  }: {
    readonly observers: readonly RunObserver[];
    readonly signal: AbortSignal;
    readonly clock: WallClock;
    readonly isOutOfTime?: () => boolean;
  },
): Promise<TrainedRun> {
  const { config, algorithm, engine, samples, validationSamples, prepare, prepareTeacher } = opened;
  const facts = { ...(await runFacts()), ...opened.facts };
  // Data that give no prompt at all are told before there is a run, and before validation is paid for.
  if (!plan.isResumed) await createPromptSource(samples, prepare, config.seed).take(1, 0);
  let end: ProgressState | undefined;
  const model = await writeRun(
    { ...plan, kind: 'train', out: config.out, config, facts },
    engine,
    async (run) => {
      const training = {
        config,
        algorithm,
        unscoredLimit: config.reward.unscoredLimit,
        engine,
        reward: opened.scoring.reward,
        samples,
        ...(validationSamples ? { validationSamples } : {}),
        prepare,
        prepareTeacher,
        run,
        observers,
        clock,
        processorClock: processorTime,
        usage: opened.usage,
        isOutOfTime,
      };
      end = await train(training, signal);
    },
    { signal, clock },
  );
  return { model, end: defined(end, 'end of the run') };
}
