/** `medix-r1/train`: reinforcement learning of a policy, with a reward, an engine and observers of one's own. */
import type { z } from 'zod';
import { configChanges, requireAllowedChanges } from '../config/config-changes.ts';
import { readHubAccess, readSecrets, readTrackerKey } from '../config/environment.ts';
import { readConfig } from '../config/read-config.ts';
import { type TrainConfig, trainConfigSchema } from '../config/train-config.ts';
import { systemClock } from '../core/async/clock.ts';
import type { LedgerSummary } from '../core/usage.ts';
import type { OpenOwnEngine } from '../engine/open-engine.ts';
import { readManifest } from '../run/run-reader.ts';
import { requireNewRun } from '../run/run-writer.ts';
import type { RunObserver } from '../train/observers.ts';
import { openTraining } from '../train/open-training.ts';
import { requireSteps } from '../train/require-steps.ts';
import { runTraining } from '../train/run-training.ts';
import { openTrackers } from '../train/trackers/open-trackers.ts';
import { createOwnObjects } from './own-objects.ts';
import { type RewardOptions, rewardSettings } from './reward.ts';

export type { Engine } from '../engine/engine.ts';
export type { OpenOwnEngine as OpenEngine } from '../engine/open-engine.ts';
export type { TrainEvent } from '../train/events.ts';
export type { IterationReport, RolloutsReport, RunObserver } from '../train/observers.ts';

type ConfigInput = z.input<typeof trainConfigSchema>;

/** The config of `medix train`; engine and parts of the reward may be of your own. */
export type TrainSettings = Omit<ConfigInput, 'reward' | 'engine'> & {
  /** By config, or a function that opens the model of a folder. @default in this process */
  readonly engine?: ConfigInput['engine'] | OpenOwnEngine;
  readonly reward?: RewardOptions & Pick<NonNullable<ConfigInput['reward']>, 'unscoredLimit'>;
};

export type TrainOptions = {
  /** Goes on with the run in `out` from its newest checkpoint, instead of starting one. @default false */
  readonly resume?: boolean;
  /**
   * Fields, or sections of fields, in which a resumed run may differ from what it was, e.g. `optimizer.learningRate`;
   * `iterations` and others that change nothing computed so far always may. @default none
   */
  readonly allow?: readonly string[];
  /** Hear what happens, beside the run directory; what they throw never stops the run. @default none */
  readonly observers?: readonly RunObserver[];
  /** Hears of rows that were left out, of what speaks against the judge and of settings that change nothing. @default nobody */
  readonly onWarning?: (warning: string) => void;
  /** Once it aborts, the run ends; it can be resumed. @default never */
  readonly signal?: AbortSignal;
};

export type TrainedModel = {
  /** Folder of the finished model. */
  readonly model: string;
  readonly iterations: number;
  /** Best value of the metric `checkpoint.best`, by default the mean reward of a validation; null where there was none. */
  readonly bestScore: number | null;
  /** Requests, tokens and money of judge and embedder. */
  readonly usage: LedgerSummary;
};

/**
 * Trains a model as `medix train` does, into a run directory that `medix-r1/run` reads, also meanwhile.
 *
 * @throws MedixError 'config' with all that is wrong with the settings, or with what a resumed run may not change,
 *   before anything is loaded; 'run'
 *   where `out` holds a run and none is to be resumed; 'data', 'model', 'engine' or 'judge' where a part
 *   cannot be opened; 'reward' where the run pauses since scores fail to come; 'engine' also where not a
 *   single optimizer step could be taken; 'cancelled' once the signal aborts.
 * @example
 * ```ts
 * const { model } = await train({
 *   model: 'models/qwen3-vl-2b',
 *   data: { train: 'data/train.parquet' },
 *   reward: { components: { brevity: { component: brevity, weight: 0.2 } } },
 *   out: 'runs/brief',
 * });
 * ```
 */
export async function train(
  settings: TrainSettings,
  {
    resume = false,
    allow = [],
    observers = [],
    onWarning = () => {},
    signal = never,
  }: TrainOptions = {},
): Promise<TrainedModel> {
  const objects = createOwnObjects();
  const { engine, reward, ...others } = settings;
  const base = {
    ...others,
    ...(engine === undefined ? {} : { engine: objects.settingsOf(engine) }),
    ...(reward === undefined ? {} : { reward: rewardSettings(reward, objects) }),
  };
  const given = await readConfig(trainConfigSchema, { base, overrides: [] });
  const config = resume ? await resumedConfig(given, allow) : given;
  const secrets = readSecrets(config.reward);
  const clock = () => Date.now();
  const trackers = openTrackers(config, { apiKey: readTrackerKey(config.track), clock });
  if (!resume) await requireNewRun(config.out);
  const parts = {
    hub: readHubAccess(),
    secrets,
    clock: systemClock,
    signal,
    load: objects.load,
    ...(resume ? { resumed: config.out } : {}),
  };
  const training = await openTraining(config, parts);
  try {
    const { first, count } = training.rejected;
    for (const { file, row, problem } of first) {
      onWarning(`left out ${file}: row ${row}: ${problem}`);
    }
    if (count > first.length) onWarning(`left out ${count} rows in all`);
    for (const warning of training.warnings) onWarning(warning);
    const plan = { command: 'train', isResumed: resume, overrides: [] } as const;
    const told = { observers: [...observers, ...trackers], signal, clock };
    const { model, end } = await runTraining(training, plan, told);
    await requireSteps(config.out);
    const { iteration: iterations } = end;
    const isNegated = config.checkpoint.bestIs === 'lowest' && end.bestScore !== null;
    const bestScore = isNegated ? -(end.bestScore ?? 0) : end.bestScore;
    return { model, iterations, bestScore, usage: training.scoring.ledger.summary() };
  } finally {
    await training.close();
  }
}

/** The settings, with a model of the hub at the commit that the run began with. */
async function resumedConfig(given: TrainConfig, allow: readonly string[]): Promise<TrainConfig> {
  const { config: before } = await readManifest(given.out);
  const { model } = before;
  const isPinned = typeof model === 'string' && model.startsWith(`${given.model}@`);
  const config = isPinned ? { ...given, model } : given;
  const was = trainConfigSchema.safeParse({ ...before, out: given.out });
  requireAllowedChanges(configChanges(was.success ? was.data : before, config), allow);
  return config;
}

const never = new AbortController().signal;
