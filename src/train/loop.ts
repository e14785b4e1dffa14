/**
 * Group-based reinforcement learning on open-ended answers (MediX-R1, arXiv 2602.23363):
 *
 *     repeat: draw prompts → sample a group of completions for each → score them → keep the groups that
 *     teach → advantages within each group → optimizer steps → now and then validate and checkpoint
 *
 * The loop knows no model, file or server: the engine, the reward and the run come as arguments. All that
 * varies follows from the config, its seed and the data, so a run that was killed and resumed ends in the
 * same bits as one that was not: what came after its last checkpoint is simply done again.
 */
import { advantageEstimators } from '../advantage/estimators.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { WallClock } from '../core/async/clock.ts';
import { fail } from '../core/errors.ts';
import { type Metrics, meanOf, metricValues } from '../core/metrics.ts';
import type { Engine } from '../engine/engine.ts';
import type { RewardFunction } from '../reward/composite.ts';
import type { PreparePrompt } from '../rollout/prepare-prompts.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { RunWriter } from '../run/run-writer.ts';
import { adamSchedule } from '../update/schedule.ts';
import { rewardPenalties, sumsByKey, type TrainingRollout, withAdvantages } from './advantages.ts';
import type { Algorithm } from './algorithm.ts';
import { withBlockCredit } from './block-credit.ts';
import { adaptedCoefficients, startCoefficients, withCoefficients } from './coefficients.ts';
import { type CollectedGroup, type Collection, collectGroups } from './collect-groups.ts';
import { byPassRate, passRatesAfter } from './curriculum.ts';
import { imageBonuses } from './image-contrast.ts';
import { measure, nameOfScore, scoreOf } from './measure.ts';
import type { MonitorAlarm } from './monitor/alarms.ts';
import { monitorFigures } from './monitor/figures.ts';
import { alarmEvent, type Monitor, monitorMetrics, openMonitor } from './monitor/monitor.ts';
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
  saveProgress,
  standingAfter,
  startProgress,
} from './progress-state.ts';
import { createPromptSource, type PromptSource } from './prompt-source.ts';
import {
  completionMetrics,
  groupMetrics,
  rewardMetrics,
  trainingRecords,
} from './rollout-records.ts';
import type { SampleSet } from './sample-order.ts';
import type { UnscoredLimit } from './score-rollouts.ts';
import { distillZeroGroups } from './self-distillation.ts';
import { withShownReadings } from './shown-readings.ts';
import { advantageMetrics, spreadMetrics } from './spread-metrics.ts';
import { createStopwatch, type Stopwatch } from './stopwatch.ts';
import { samplerGapLimit, updatePolicy } from './update-policy.ts';

export type Training = {
  readonly config: Pick<
    TrainConfig,
    | 'seed'
    | 'iterations'
    | 'rollout'
    | 'optimizer'
    | 'validation'
    | 'checkpoint'
    | 'record'
    | 'monitor'
  >;
  readonly algorithm: Algorithm;
  /** Share of rollouts that may stay unscored, in [0, 1]. */
  readonly unscoredLimit: number;
  readonly engine: Engine;
  readonly reward: RewardFunction;
  readonly samples: SampleSet;
  /** Absent: nothing is validated. */
  readonly validationSamples?: SampleSet;
  readonly prepare: PreparePrompt;
  /** The same with the reference answer in the prompt, for self-distillation. */
  readonly prepareTeacher: PreparePrompt;
  readonly run: RunWriter;
  /** Hear of all that happens, beside the run directory. */
  readonly observers: readonly RunObserver[];
  /** Milliseconds, for the `time/` metrics alone. */
  readonly clock: WallClock;
  /** Milliseconds that the process has computed, for the same. */
  readonly processorClock: () => number;
  /** The `usage/` metrics since it was last asked. */
  readonly usage: () => Metrics;
  /** Asked after each update; true makes that iteration the last. */
  readonly isOutOfTime: () => boolean;
};

/** What the steps of the loop share. */
type Loop = Omit<Training, 'observers'> & {
  readonly source: PromptSource;
  readonly observers: Observers;
  readonly monitor: Monitor;
  readonly signal: AbortSignal;
};

/**
 * Trains until `config.iterations` iterations are done, or time or `validation.patience` is used up.
 *
 * @throws MedixError 'reward' when the run pauses because scores fail to come, 'data' when no prompt
 *   fits; the signal's reason when it aborts. In each case the run can be resumed.
 */
export async function train(training: Training, signal: AbortSignal): Promise<ProgressState> {
  const { config, run } = training;
  const parts = {
    ...training,
    source: createPromptSource(training.samples, training.prepare, config.seed),
    observers: createObservers(run, config.record.images, training.observers),
    signal,
  };
  return observing(parts.observers, signal, async () => {
    let state = await startProgress(parts);
    const monitor = await openMonitor(run.directory, state.iteration, config.monitor);
    const loop: Loop = { ...parts, monitor };
    if (state.iteration === 0 && config.validation.beforeTraining) {
      state = await validateBeforeTraining(loop, state);
    }
    let isLast =
      state.iteration >= config.iterations || isOutOfPatience(state, config.validation.patience);
    while (!isLast) ({ state, isLast } = await iterate(loop, state));
    return state;
  });
}

/** One cycle from prompts to a better policy. */
async function iterate(
  loop: Loop,
  before: ProgressState,
): Promise<{ readonly state: ProgressState; readonly isLast: boolean }> {
  const { config, engine, observers, signal } = loop;
  const iteration = before.iteration + 1;
  const coefficients = before.coefficients ?? startCoefficients(loop.algorithm);
  const algorithm = withCoefficients(loop.algorithm, coefficients);
  const watch = createStopwatch(loop.clock, loop.processorClock);

  const collection = await collectOrPause(loop, before, watch);
  watch.lap('time/scoreMs');

  const penalties = await rewardPenalties(
    engine,
    collection.groups,
    algorithm.rewardPenalty,
    signal,
  );
  const bonuses = await imageBonuses(
    engine,
    collection.groups,
    algorithm.imageContrast,
    loop.prepare,
    signal,
  );
  const changes = sumsByKey(penalties.byKey, bonuses.byKey);
  const estimate = (groups: readonly CollectedGroup[]) =>
    withAdvantages(groups, algorithm, changes);
  const rewarded =
    algorithm.credit === 'block'
      ? withBlockCredit(
          collection.groups,
          estimate,
          loop.reward.profile,
          engine.model.processor.decode,
        )
      : estimate(collection.groups);
  const { groups, metrics: distillation } = await distilled(loop, collection, rewarded);
  const recorded = trainingRecords(collection.groups, groups.flat(), {
    processor: engine.model.processor,
    tokenLogprobs: config.record.tokenLogprobs,
  });
  const figures = monitorFigures(iteration, recorded.lines);
  await observers.rollouts({ iteration, kind: 'training', ...recorded });
  await noteShortfalls(loop, iteration, collection, rewarded.length, groups.length);

  const shown = await withShownReadings(
    engine,
    collection.groups,
    groups,
    algorithm.showReadings,
    signal,
  );
  const update = await updatePolicy(
    engine,
    shown.groups,
    {
      loss: algorithm.loss,
      miniBatches: config.optimizer.stepsPerIteration,
      epochs: config.optimizer.epochsPerIteration,
      adamAt: adamSchedule(config.optimizer, totalSteps(config)),
      steps: before.steps,
    },
    signal,
  );
  if (update.skipped > 0) {
    await observers.event(iteration, { kind: 'step-skipped', reason: 'nonfinite-gradient' });
  }
  const gap = metricValues(update.metrics)['update/samplerGap'] ?? 0;
  if (gap > samplerGapLimit) {
    await observers.event(iteration, { kind: 'sampler-gap', gap, limit: samplerGapLimit });
  }
  watch.lap('time/updateMs');

  const isOutOfTime = loop.isOutOfTime();
  const isEnd = iteration === config.iterations || isOutOfTime;
  const due = isEnd || iteration % config.validation.every === 0;
  const validation = due ? await measure(loop, iteration, unscoredLimitOf(loop, iteration)) : {};
  watch.lap('time/validateMs');

  const sampled = collection.groups.flatMap(({ rollouts }) => rollouts.map((one) => one.rollout));
  const values = metricValues({
    ...collectionMetrics(collection, before.draws),
    ...advantageMetrics(groups.flat()),
    ...monitorMetrics(figures),
    ...penalties.metrics,
    ...bonuses.metrics,
    ...distillation,
    ...shown.metrics,
    ...update.metrics,
    ...validation,
    'time/sampledTokensPerSecond': watch.rate(tokensIn(sampled), 'time/sampleMs'),
    'time/trainedTokensPerSecond': watch.rate(tokensIn(groups.flat()), 'time/updateMs'),
    ...watch.metrics('time/iterationMs'),
    ...loop.usage(),
  });
  await observers.iteration({ iteration, iterations: config.iterations, values });
  const alarms = loop.monitor.add(figures);
  for (const alarm of alarms) await observers.event(iteration, alarmEvent(alarm));

  const { bestScore } = before;
  const score = scoreOf(values, config.checkpoint, { iteration, bestScore });
  const standing = standingAfter(before, score, nameOfScore(config.checkpoint));
  const state = {
    iteration,
    draws: collection.draws,
    steps: update.steps,
    coefficients: adaptedCoefficients(coefficients, algorithm, {
      ...penalties.metrics,
      ...update.metrics,
    }),
    ...standing,
    ...passRatesAfter(config.rollout.curriculum, before.passRates, collection.groups),
  };
  const isLast = isEnd || isOutOfPatience(state, config.validation.patience);
  await checkpointIfDue(loop, state, score, isLast);
  if (isLast && iteration < config.iterations) {
    const reason = isOutOfTime ? 'time' : 'patience';
    await observers.event(iteration, { kind: 'ended-early', reason });
  }
  if (!isLast) await pauseOnAlarm(loop, state, alarms);
  return { state, isLast };
}

/** @throws MedixError 'reward' at an alarm, where the config says so; what was learnt until then is saved. */
async function pauseOnAlarm(
  { config, engine, run, observers }: Loop,
  state: ProgressState,
  [alarm]: readonly MonitorAlarm[],
): Promise<void> {
  if (!config.monitor.pause || alarm === undefined) return;
  const { iteration } = state;
  if (iteration > (run.lastCheckpoint ?? 0)) {
    await saveProgress(run, engine, state, null, config.checkpoint.keepLast);
    await observers.event(iteration, { kind: 'checkpoint', reason: 'pause' });
  }
  await observers.event(iteration, { kind: 'paused', alarm: alarm.kind });
  fail('reward', {
    where: `iteration ${iteration}`,
    expected: 'rewards that are earned by right answers (monitor.pause)',
    got: alarm.inWords,
    next: `look at the rollouts (medix view ${run.directory}); to go on all the same: medix train --resume ${run.directory} monitor.pause=false`,
  });
}

/** With the groups that the policy teaches itself, where the algorithm says so. */
async function distilled(
  { algorithm, config, engine, prepareTeacher, signal }: Loop,
  { groups }: Collection,
  trained: TrainingRollout[][],
) {
  const { selfDistillation } = algorithm;
  if (!selfDistillation) return { groups: trained, metrics: {} };
  const settings = { ...selfDistillation, mostGroups: config.rollout.promptsPerIteration };
  return distillZeroGroups(engine, groups, trained, settings, prepareTeacher, signal);
}

/**
 * Until the first optimizer step the weights are those of the iteration before, so whatever stops the
 * collection leaves a state worth keeping. An abort does not wait for it.
 */
async function collectOrPause(
  loop: Loop,
  before: ProgressState,
  { lap }: Stopwatch,
): Promise<Collection> {
  const { config, algorithm, engine, run, signal } = loop;
  const iteration = before.iteration + 1;
  const settings = {
    seed: config.seed,
    iteration,
    draws: before.draws,
    groups: config.rollout.promptsPerIteration,
    groupSize: config.rollout.groupSize,
    maxCompletionTokens: config.rollout.maxCompletionTokens,
    maxRounds: algorithm.maxSampleRounds,
    filter: algorithm.filter,
    ...advantageNeeds(algorithm.advantage),
    unscored: unscoredLimitOf(loop, iteration),
    onSampled: (done: number, of: number) => loop.observers.sampling({ iteration, done, of }),
    lap,
  };
  try {
    return await collectGroups(promptsFor(loop, before), engine, loop.reward, settings, signal);
  } catch (error) {
    if (!signal.aborted && before.iteration > (run.lastCheckpoint ?? 0)) {
      await saveProgress(run, engine, before, null, config.checkpoint.keepLast);
      await loop.observers.event(before.iteration, { kind: 'checkpoint', reason: 'pause' });
    }
    throw error;
  }
}

function promptsFor({ config, source }: Loop, { passRates = {} }: ProgressState): PromptSource {
  const { curriculum } = config.rollout;
  return curriculum === null ? source : byPassRate(source, passRates, curriculum, config.seed);
}

async function noteShortfalls(
  { config, observers }: Loop,
  iteration: number,
  { rejected }: Collection,
  groups: number,
  training: number,
): Promise<void> {
  await tellRejections(observers, iteration, rejected);
  const wanted = config.rollout.promptsPerIteration;
  if (groups < wanted) {
    await observers.event(iteration, { kind: 'short-iteration', groups, wanted });
  }
  if (training === 0) {
    await observers.event(iteration, { kind: 'step-skipped', reason: 'no-groups' });
  }
}

/** Iteration 0 in the metrics: the model as it was given. */
async function validateBeforeTraining(loop: Loop, state: ProgressState): Promise<ProgressState> {
  if (!loop.validationSamples) return state;
  const values = metricValues(await measure(loop, 0, unscoredLimitOf(loop, 0)));
  await loop.observers.iteration({ iteration: 0, iterations: loop.config.iterations, values });
  const { checkpoint } = loop.config;
  const score = scoreOf(values, checkpoint, state);
  return { ...state, ...standingAfter(state, score, nameOfScore(checkpoint)) };
}

function collectionMetrics(
  { groups, rounds, rejected, draws }: Collection,
  drawsBefore: number,
): Metrics {
  const scored = groups.flatMap(({ rollouts }) => rollouts);
  return {
    ...rewardMetrics('reward', scored),
    ...completionMetrics('rollout', scored),
    ...groupMetrics(groups),
    ...spreadMetrics(groups),
    'rollout/rounds': meanOf(rounds),
    'rollout/rejectedPrompts': meanOf(rejected.length),
    'rollout/passedOver': meanOf(draws - drawsBefore - groups.length - rejected.length),
  };
}

function unscoredLimitOf(
  { run, unscoredLimit, observers }: Loop,
  iteration: number,
): UnscoredLimit {
  return {
    limit: unscoredLimit,
    next: `repair what failed, then resume with: medix train --resume ${run.directory}`,
    onRescored: (unscored, stillUnscored) =>
      observers.event(iteration, { kind: 'rescored', unscored, stillUnscored }),
  };
}

function advantageNeeds(advantage: Algorithm['advantage']) {
  const { smallestGroup, needsGreedy = false } = advantageEstimators[advantage];
  return { smallestGroup, needsGreedy };
}

function tokensIn(rollouts: readonly Pick<Rollout, 'completion'>[]): number {
  return rollouts.reduce((sum, { completion }) => sum + completion.length, 0);
}

function totalSteps({ iterations, optimizer }: Training['config']): number {
  return iterations * optimizer.epochsPerIteration * optimizer.stepsPerIteration;
}
