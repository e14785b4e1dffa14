/**
 * Supervised fine-tuning: the policy imitates demonstrations. One iteration is one optimizer step on one
 * batch; order, checkpoints and resume are those of the reinforcement-learning loop.
 */
import type { SftConfig } from '../config/sft-config.ts';
import type { WallClock } from '../core/async/clock.ts';
import { fail } from '../core/errors.ts';
import { type Mean, type Metrics, meanOf, mergeMetrics, metricValues } from '../core/metrics.ts';
import type { Engine, Sequence } from '../engine/engine.ts';
import type { Processor } from '../model/prompt.ts';
import { type PreparedPrompt, type PreparePrompt, tooLong } from '../rollout/prepare-prompts.ts';
import type { RunWriter } from '../run/run-writer.ts';
import { crossEntropyLoss } from '../update/cross-entropy.ts';
import { adamSchedule } from '../update/schedule.ts';
import {
  createObservers,
  type Observers,
  observing,
  type RunObserver,
  tellRejections,
} from './observers.ts';
import {
  checkpointIfDue,
  isOutOfPatience,
  type ProgressState,
  standingAfter,
  startProgress,
} from './progress-state.ts';
import { createPromptSource, type PromptSource } from './prompt-source.ts';
import type { SampleSet } from './sample-order.ts';
import { createStopwatch } from './stopwatch.ts';

export type FineTuning = {
  readonly config: Pick<
    SftConfig,
    'seed' | 'iterations' | 'batchSize' | 'optimizer' | 'validation' | 'checkpoint'
  >;
  readonly engine: Engine;
  /** Every sample needs a demonstration. */
  readonly samples: SampleSet;
  /** Absent: nothing is validated. */
  readonly validationSamples?: SampleSet;
  readonly prepare: PreparePrompt;
  readonly run: RunWriter;
  /** Hear of all that happens, beside the run directory. */
  readonly observers: readonly RunObserver[];
  /** Milliseconds, for the `time/` metrics alone. */
  readonly clock: WallClock;
  /** Milliseconds that the process has computed, for the same. */
  readonly processorClock: () => number;
  /** The `usage/` metrics since it was last asked. */
  readonly usage: () => Metrics;
};

/** What the steps of the loop share; `prepare` leaves room for the demonstration. */
type Loop = Omit<FineTuning, 'observers'> & {
  readonly source: PromptSource;
  readonly observers: Observers;
  readonly signal: AbortSignal;
};

/** Sequences whose held-out loss is computed in one call. */
const validationBatch = 64;

/**
 * Fine-tunes until `config.iterations` steps are done or `validation.patience` is used up.
 *
 * @throws MedixError 'data' when a sample has no demonstration or none fits the model; the signal's
 *   reason when it aborts. The run can be resumed.
 */
export async function fineTune(tuning: FineTuning, signal: AbortSignal): Promise<ProgressState> {
  const { config, engine, run } = tuning;
  const prepare = roomForDemonstrations(tuning.prepare, engine);
  const loop: Loop = {
    ...tuning,
    prepare,
    source: createPromptSource(tuning.samples, prepare, config.seed),
    observers: createObservers(run, false, tuning.observers),
    signal,
  };
  return observing(loop.observers, signal, async () => {
    let state = await startProgress(loop);
    let isLast = isEnd(config, state);
    while (!isLast) {
      signal.throwIfAborted();
      state = await imitate(loop, state);
      isLast = isEnd(config, state);
      if (isLast && state.iteration < config.iterations) {
        await loop.observers.event(state.iteration, { kind: 'ended-early', reason: 'patience' });
      }
    }
    return state;
  });
}

/** One optimizer step on one batch of demonstrations. */
async function imitate(loop: Loop, before: ProgressState): Promise<ProgressState> {
  const { config, engine, observers, source, signal } = loop;
  const iteration = before.iteration + 1;
  const watch = createStopwatch(loop.clock, loop.processorClock);

  const { prompts, draws, rejected } = await source.take(config.batchSize, before.draws);
  await tellRejections(observers, iteration, rejected);
  const sequences = prompts.map((prompt) => demonstrate(prompt, engine.model.processor));
  const loss = crossEntropyLoss(sequences.map(({ completion }) => completion.length));
  const batch = await engine.forwardBackward(sequences, loss, signal);
  const adam = adamSchedule(config.optimizer, config.iterations)(before.steps);
  const update = await engine.optimStep(adam);
  if (update.kind === 'skipped-nonfinite') {
    await observers.event(iteration, { kind: 'step-skipped', reason: 'nonfinite-gradient' });
  }
  watch.lap('time/updateMs');

  const due = iteration % config.validation.every === 0 || iteration === config.iterations;
  const heldOut = due ? await heldOutLoss(loop) : meanOf();
  watch.lap('time/validateMs');

  const tokens = sequences.reduce((sum, { completion }) => sum + completion.length, 0);
  const metrics: Metrics = {
    ...batch.metrics,
    'sft/completionTokens': meanOf(...sequences.map(({ completion }) => completion.length)),
    'update/learningRate': meanOf(adam.learningRate),
    'update/gradNorm':
      update.kind === 'applied' && update.gradNorm !== undefined
        ? meanOf(update.gradNorm)
        : meanOf(),
    ...(heldOut.count > 0 ? { 'validation/loss': heldOut } : {}),
    'time/trainedTokensPerSecond': watch.rate(tokens, 'time/updateMs'),
    ...loop.usage(),
  };
  const values = metricValues(mergeMetrics([metrics, watch.metrics('time/iterationMs')]));
  await observers.iteration({ iteration, iterations: config.iterations, values });

  const score = heldOut.count > 0 ? -heldOut.sum / heldOut.count : null;
  const standing = standingAfter(before, score, 'lowest validation/loss');
  const state = { iteration, draws, steps: before.steps + 1, ...standing };
  await checkpointIfDue(loop, state, score, isEnd(config, state));
  return state;
}

function isEnd({ iterations, validation }: FineTuning['config'], state: ProgressState): boolean {
  return state.iteration >= iterations || isOutOfPatience(state, validation.patience);
}

/** Prompts that leave no room for their own demonstration are rejected too. */
function roomForDemonstrations(prepare: PreparePrompt, engine: Engine): PreparePrompt {
  const longest = engine.model.contextLength;
  return async (sample) => {
    const outcome = await prepare(sample);
    if (outcome.kind === 'rejected') return outcome;
    const { prompt, completion } = demonstrate(outcome, engine.model.processor);
    const tokens = prompt.tokens.length + completion.length;
    return tokens <= longest
      ? outcome
      : { kind: 'rejected', sample, problem: tooLong(sample, tokens, longest) };
  };
}

function demonstrate({ sample, prompt }: PreparedPrompt, processor: Processor): Sequence {
  if (sample.demonstration === undefined) {
    fail('data', {
      where: `sample ${sample.id}`,
      expected: 'a demonstration, the completion to imitate',
      got: 'none',
      next: 'add a column "demonstration" to the data set, or set demonstrations to from-solutions',
    });
  }
  return { prompt, completion: processor.encodeCompletion(sample.demonstration, true) };
}

/** Summed negative logprob and token count of the held-out demonstrations that fit. */
async function heldOutLoss({ validationSamples, engine, prepare, signal }: Loop): Promise<Mean> {
  if (!validationSamples) return meanOf();
  let sum = 0;
  let count = 0;
  for (let start = 0; start < validationSamples.size; start += validationBatch) {
    const size = Math.min(validationBatch, validationSamples.size - start);
    const outcomes = await Promise.all(
      Array.from({ length: size }, async (_, i) => prepare(await validationSamples.at(start + i))),
    );
    const sequences = outcomes.flatMap((outcome) =>
      outcome.kind === 'prepared' ? [demonstrate(outcome, engine.model.processor)] : [],
    );
    for (const logprobs of await engine.logprobs(sequences, 'policy', signal)) {
      sum -= logprobs.reduce((a, b) => a + b, 0);
      count += logprobs.length;
    }
  }
  return { sum, count };
}
