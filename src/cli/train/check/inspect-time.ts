/** How long an iteration and the run take: by what the sampled groups took, else by a model of arithmetic. */
import type { TrainConfig } from '../../../config/train-config.ts';
import { count, duration, percent } from '../../../eval/reports/wording.ts';
import type { Algorithm } from '../../../train/algorithm.ts';
import type { HeadroomFacts } from './inspect-headroom.ts';
import type { PastRun } from './past-runs.ts';
import type { Pilot } from './pilot.ts';
import { look, notChecked, type Remark, type Section, sectionOf } from './section.ts';

export type TimeFacts = {
  /** `measured` on this machine; `arithmetic`: from operations at a speed that is assumed. */
  readonly by: 'measured' | 'arithmetic';
  /** Of one iteration without validation, in seconds. */
  readonly sampleSeconds: number;
  readonly updateSeconds: number;
  readonly iterationSeconds: number;
  /** Of one validation; null where there is none. */
  readonly validationSeconds: number | null;
  readonly runSeconds: number;
  /** Floating-point operations of one iteration; null where times are measured. */
  readonly operations: number | null;
  /** Runs with the same model and rollouts. */
  readonly past: readonly ComparedRun[];
};

/** By how much the estimates of a plan differ from what a run took: 0.1 is a tenth above. */
type ComparedRun = PastRun & {
  readonly timeError: number;
  /** Null where the plan or the run does not say how much memory. */
  readonly memoryError: number | null;
};

/** What estimates are held against. */
export type Past = {
  readonly runs: readonly PastRun[];
  /** Memory that the plan expects; null where it does not fit, or nobody knows. */
  readonly plannedBytes: number | null;
};

/** What the run does, whatever its speed. */
export type RunSize = {
  /** Prompts that an iteration samples, and of them trains on. */
  readonly drawn: number;
  readonly trained: number;
  readonly validationRows: number;
  readonly validations: number;
  /** Sampled and validated in the whole run. */
  readonly rollouts: number;
};

/** @param headroom undefined where nothing was sampled: then each group that is drawn is trained on */
export function sizeOfRun(
  { rollout, iterations, validation }: TrainConfig,
  headroom: HeadroomFacts | undefined,
  validationRows: number,
): RunSize {
  const { promptsPerIteration, groupSize } = rollout;
  const drawn = headroom?.drawn ?? promptsPerIteration;
  const trained = headroom === undefined ? promptsPerIteration : drawn * headroom.trained;
  const due = Math.floor(iterations / validation.every);
  const validations =
    validationRows === 0
      ? 0
      : due + (iterations % validation.every > 0 ? 1 : 0) + (validation.beforeTraining ? 1 : 0);
  return {
    drawn,
    trained,
    validationRows,
    validations,
    rollouts: Math.round(iterations * drawn * groupSize + validations * validationRows),
  };
}

/** Programs for each core, beside the check, above which times say more about them than about the run. */
const manyPrograms = 0.5;

/**
 * @param engine.isExact whether the logprobs of its sampler are those of training. @param engine.busy programs that
 *   wanted to compute before the check began, for each core
 */
export function inspectMeasuredTime(
  config: TrainConfig,
  algorithm: Algorithm,
  pilot: Pilot,
  size: RunSize,
  { isExact, busy }: { readonly isExact: boolean; readonly busy: number },
  past: Past,
): Section<TimeFacts> {
  const { groupSize } = config.rollout;
  const { stepsPerIteration, epochsPerIteration } = config.optimizer;
  const sampleSeconds = (pilot.sampleMs / pilot.groups.length / 1000) * size.drawn;
  const passSeconds = (pilot.updateMs / pilot.updated / 1000) * size.trained;
  const steps = epochsPerIteration * stepsPerIteration;
  // A forward pass is a third of both: once more for the reference, and for old logprobs of later steps.
  const again =
    (algorithm.loss.klCoefficient > 0 || algorithm.rewardPenalty !== undefined ? 1 : 0) +
    (isExact ? 0 : epochsPerIteration > 1 ? 1 : (stepsPerIteration - 1) / stepsPerIteration);
  const updateSeconds =
    passSeconds * (epochsPerIteration + again / 3) + (pilot.stepMs / 1000) * steps;
  const remarks =
    busy > manyPrograms
      ? [
          look(
            `Other programs were computing (${busy.toFixed(1)} for each core): without them the run takes less time.`,
          ),
        ]
      : [];
  const perAnswer = pilot.sampleMs / pilot.groups.length / groupSize / 1000;
  return timeSection(
    config,
    {
      by: 'measured',
      sampleSeconds,
      updateSeconds,
      validationSeconds: size.validations === 0 ? null : perAnswer * size.validationRows,
      operations: null,
    },
    size,
    past,
    remarks,
  );
}

/** Speed that is assumed of each core: half of what a core of a recent server reaches in products of matrices. */
const operationsPerCoreSecond = 75e9;

/**
 * Operations of one token for each weight: a pass forward multiplies and adds; an update goes forward, twice as
 * costly back, and forward again for what was not kept.
 */
const perToken = { sampled: 2, updated: 8 } as const;

/** @param promptTokens of the median prompt, undefined where prompts could not be made. */
export function inspectReckonedTime(
  config: TrainConfig,
  model: { readonly parameters: number; readonly cores: number },
  promptTokens: number | undefined,
  size: RunSize,
  past: Past,
): Section<TimeFacts> {
  const { groupSize, maxCompletionTokens } = config.rollout;
  const prompt = promptTokens ?? assumedPromptTokens;
  const tokensOf = (prompts: number, completions: number) =>
    prompts * prompt + completions * maxCompletionTokens;
  const operationsOf = (tokens: number, each: number) => each * model.parameters * tokens;
  const speed = operationsPerCoreSecond * model.cores;
  const sampling = operationsOf(tokensOf(size.drawn, size.drawn * groupSize), perToken.sampled);
  const updating = operationsOf(tokensOf(size.trained, size.trained * groupSize), perToken.updated);
  const validating = operationsOf(
    tokensOf(size.validationRows, size.validationRows),
    perToken.sampled,
  );
  const remarks = [
    notChecked(
      `Nothing was sampled. These times assume ${operationsPerCoreSecond / 1e9} GFLOP/s on each of ${model.cores} cores, completions as long as rollout.maxCompletionTokens allows, and prompts of ${prompt} tokens${promptTokens === undefined ? ', a guess' : ''}.`,
    ),
  ];
  return timeSection(
    config,
    {
      by: 'arithmetic',
      sampleSeconds: sampling / speed,
      updateSeconds: updating / speed,
      validationSeconds: size.validations === 0 ? null : validating / speed,
      operations: sampling + updating,
    },
    size,
    past,
    remarks,
  );
}

const assumedPromptTokens = 512;
const manySeconds = 7 * 24 * 3600;

function timeSection(
  { iterations }: TrainConfig,
  estimate: Pick<
    TimeFacts,
    'by' | 'sampleSeconds' | 'updateSeconds' | 'validationSeconds' | 'operations'
  >,
  { validations }: RunSize,
  past: Past,
  remarks: readonly Remark[] = [],
): Section<TimeFacts> {
  const iterationSeconds = estimate.sampleSeconds + estimate.updateSeconds;
  const runSeconds =
    iterations * iterationSeconds + validations * (estimate.validationSeconds ?? 0);
  const compared = past.runs.map((run) => ({
    ...run,
    timeError: (1000 * iterationSeconds) / run.iterationMs - 1,
    memoryError:
      past.plannedBytes === null || run.peakBytes === null
        ? null
        : past.plannedBytes / run.peakBytes - 1,
  }));
  const facts = { ...estimate, iterationSeconds, runSeconds, past: compared };
  const long =
    runSeconds > manySeconds
      ? [
          look(
            `The run takes about ${count(Math.round(runSeconds / 86_400))} days on this machine.`,
          ),
        ]
      : [];
  return sectionOf(facts, [...remarks, ...long]);
}

/** For people: how far such estimates were off. */
export function pastLines({ past }: TimeFacts): string[] {
  if (past.length === 0) return ['no past run of this model and these rollouts below runs/'];
  return past.map(({ directory, iterationMs, timeError, memoryError }) => {
    const memory = memoryError === null ? '' : `, of its memory ${off(memoryError)}`;
    return `${directory} took ${duration(iterationMs / 1000)} an iteration: this estimate of its time is ${off(timeError)}${memory}`;
  });
}

function off(error: number): string {
  return `${percent(Math.abs(error))} ${error < 0 ? 'below' : 'above'}`;
}
