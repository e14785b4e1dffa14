/**
 * The complete plan of a training, without training: everything that a run would open is opened in the same order, and
 * what would stop it is told with all the rest, not one thing after another.
 */
import type { HubAccess, Secrets } from '../../../config/environment.ts';
import type { TrainConfig } from '../../../config/train-config.ts';
import type { Clock } from '../../../core/async/clock.ts';
import type { Sample } from '../../../core/sample.ts';
import { findModel } from '../../../engine/find-model.ts';
import type { Machine } from '../../../engine/local/plan-network.ts';
import { openEngine } from '../../../engine/open-engine.ts';
import { type OpenedReward, openReward } from '../../../reward/open-reward.ts';
import { createPromptPreparation } from '../../../rollout/prepare-prompts.ts';
import { requireComparableParts } from '../../../train/advantages.ts';
import { resolveAlgorithm } from '../../../train/algorithm.ts';
import { requireDivisibleCredit } from '../../../train/block-credit.ts';
import { type OpenedData, openData } from '../../../train/open-training.ts';
import { benchmarksHere } from './benchmarks.ts';
import { type BaselineFacts, inspectBaselines } from './inspect-baselines.ts';
import { type ConfigFacts, inspectConfig } from './inspect-config.ts';
import { type DataFacts, type InspectedData, inspectData } from './inspect-data.ts';
import { type HeadroomFacts, inspectHeadroom } from './inspect-headroom.ts';
import {
  inspectJudge,
  type JudgeFacts,
  type MeasuredJudge,
  measureJudge,
} from './inspect-judge.ts';
import { type InspectedModel, inspectModel, type ModelFacts } from './inspect-model.ts';
import {
  inspectMeasuredTime,
  inspectReckonedTime,
  type RunSize,
  sizeOfRun,
  type TimeFacts,
} from './inspect-time.ts';
import { pastRuns } from './past-runs.ts';
import { type Pilot, runPilot } from './pilot.ts';
import {
  type Attempt,
  attempt,
  notChecked,
  type Remark,
  remarksOf,
  type Section,
  sectionOf,
} from './section.ts';

export type CheckReport = {
  /** Whether nothing stops the run. */
  readonly mayStart: boolean;
  readonly config: Section<ConfigFacts>;
  readonly model: Section<ModelFacts>;
  readonly data: Section<DataFacts>;
  readonly judge: Section<JudgeFacts>;
  readonly baselines: Section<BaselineFacts>;
  readonly headroom: Section<HeadroomFacts>;
  readonly time: Section<TimeFacts>;
};

export type CheckContext = {
  readonly hub: HubAccess;
  readonly readSecrets: () => Secrets;
  readonly machine: Machine;
  /** Programs that wanted to compute before the check began, on average. */
  readonly load: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Folder below which earlier runs are looked for. */
  readonly runs: string;
  /** Folder that keeps the benchmarks' files, as `medix eval` does. */
  readonly benchmarks: string;
  readonly onProgress: (line: string) => void;
};

/**
 * @param overrides changes of the command line, for the record
 * @param prompts to sample groups for; 0 samples nothing
 */
export async function checkTraining(
  config: TrainConfig,
  overrides: readonly string[],
  prompts: number,
  context: CheckContext,
): Promise<CheckReport> {
  const { hub, clock, signal, machine, onProgress } = context;
  onProgress('config and model');
  const configSection = await inspectConfig(config, overrides, signal);
  const model = await inspectModel(config, { hub, clock, onProgress }, machine, signal);
  onProgress('data');
  const data = await attempt(signal, () => openData(config.data, hub, signal));
  const inspected =
    data.kind === 'done' ? await inspectOpened(config, data.value, model, context) : undefined;
  onProgress('judge and embedder');
  const scoring = await attempt(signal, () => openScoring(config, context));
  try {
    const samples = data.kind === 'done' ? await firstSamples(data.value) : [];
    const judge =
      scoring.kind === 'done'
        ? await measureJudge(
            config,
            scoring.value,
            samples,
            model.section.facts?.architecture,
            clock,
            signal,
          )
        : undefined;
    const pilot = await tryPilot(config, prompts, { data, model, scoring, judge }, context);
    return await report(
      config,
      { configSection, model, data, inspected, scoring, judge, pilot },
      context,
    );
  } finally {
    if (scoring.kind === 'done') await scoring.value.close();
  }
}

async function inspectOpened(
  config: TrainConfig,
  data: OpenedData,
  model: InspectedModel,
  { hub, benchmarks, signal }: CheckContext,
): Promise<InspectedData> {
  const sets = await benchmarksHere(!config.data.textOnly, { hub, cache: benchmarks }, signal);
  return inspectData(config, data, model.known, sets, signal);
}

/** Verdicts of other runs would hide how long a judge takes, and those of a check are not to be kept. */
async function openScoring(config: TrainConfig, context: CheckContext): Promise<OpenedReward> {
  const { judge, embedder } = config.reward;
  const uncached = {
    ...config.reward,
    judge: 'cache' in judge ? { ...judge, cache: null } : judge,
    embedder: 'cache' in embedder ? { ...embedder, cache: null } : embedder,
  };
  const secrets = context.readSecrets();
  const scoring = await openReward(uncached, { secrets, seed: config.seed, clock: context.clock });
  try {
    const { maxCompletionTokens } = config.rollout;
    const algorithm = resolveAlgorithm(config.algorithm, maxCompletionTokens);
    requireComparableParts(scoring.reward.profile, algorithm);
    requireDivisibleCredit(scoring.reward.profile, algorithm);
    return scoring;
  } catch (error) {
    await scoring.close();
    throw error;
  }
}

/** Questions that judge and embedder are tried on. */
const tried = 8;

function firstSamples({ samples }: OpenedData): Promise<Sample[]> {
  const count = Math.min(tried, samples.size);
  return Promise.all(Array.from({ length: count }, (_, row) => samples.at(row)));
}

type PilotParts = {
  readonly data: Attempt<OpenedData>;
  readonly model: InspectedModel;
  readonly scoring: Attempt<OpenedReward>;
  readonly judge: MeasuredJudge | undefined;
};

type TriedPilot =
  | { readonly kind: 'done'; readonly pilot: Pilot; readonly isExact: boolean }
  | { readonly kind: 'none'; readonly remarks: readonly Remark[] };

async function tryPilot(
  config: TrainConfig,
  prompts: number,
  { data, model, scoring, judge }: PilotParts,
  context: CheckContext,
): Promise<TriedPilot> {
  const none = (why: string): TriedPilot => ({
    kind: 'none',
    remarks: [notChecked(`Nothing was sampled: ${why}.`)],
  });
  if (prompts === 0) return none('--prompts is 0');
  if (data.kind === 'stopped') return none('there are no data');
  if (scoring.kind === 'stopped' || judge?.isReachable !== true) return none('nobody can judge');
  if (model.section.verdict === 'stops') return none('the model cannot be trained here');
  const { signal } = context;
  const sampled = await attempt(signal, () =>
    sample(config, prompts, data.value, scoring.value, context),
  );
  return sampled.kind === 'stopped'
    ? { kind: 'none', remarks: sampled.remarks }
    : { kind: 'done', ...sampled.value };
}

async function sample(
  config: TrainConfig,
  prompts: number,
  data: OpenedData,
  scoring: OpenedReward,
  { hub, clock, signal, onProgress }: CheckContext,
): Promise<{ readonly pilot: Pilot; readonly isExact: boolean }> {
  const { seed, rollout } = config;
  const { promptsPerIteration, groupSize, maxCompletionTokens } = rollout;
  onProgress('opening the model');
  const { folder } = await findModel(
    config.engine,
    config.model,
    { hub, clock, onProgress },
    signal,
  );
  const engine = await openEngine(config.engine, folder, { kind: 'train', seed }, signal);
  try {
    const pilot = await runPilot(
      { seed, prompts, promptsPerIteration, groupSize, maxCompletionTokens },
      {
        engine,
        samples: data.samples,
        prepare: createPromptPreparation(engine.model, data.render, maxCompletionTokens),
        reward: scoring.reward,
        algorithm: resolveAlgorithm(config.algorithm, maxCompletionTokens),
        usage: () => scoring.ledger.summary(),
        clock,
        onProgress,
      },
      signal,
    );
    return { pilot, isExact: engine.guarantees.samplerLogprobs === 'exact' };
  } finally {
    await engine.close();
  }
}

type Parts = PilotParts & {
  readonly configSection: Section<ConfigFacts>;
  readonly inspected: InspectedData | undefined;
  readonly pilot: TriedPilot;
};

async function report(
  config: TrainConfig,
  parts: Parts,
  context: CheckContext,
): Promise<CheckReport> {
  const { configSection, model, data, inspected, scoring, judge, pilot } = parts;
  const taken = pilot.kind === 'done' ? pilot.pilot : undefined;
  const without = pilot.kind === 'done' ? [] : pilot.remarks;
  const headroom =
    taken === undefined ? sectionOf<HeadroomFacts>(null, without) : inspectHeadroom(config, taken);
  const validationRows = data.kind === 'done' ? (data.value.validationSamples?.size ?? 0) : 0;
  const size = sizeOfRun(config, headroom.facts ?? undefined, validationRows);
  const noData = [notChecked('There are no data.')];
  const sections = {
    config: configSection,
    model: model.section,
    data: inspected?.section ?? sectionOf<DataFacts>(null, remarksOf(data)),
    judge:
      judge === undefined
        ? sectionOf<JudgeFacts>(null, remarksOf(scoring))
        : inspectJudge(config, judge, taken, size.rollouts),
    baselines:
      inspected === undefined
        ? sectionOf<BaselineFacts>(null, noData)
        : inspectBaselines(inspected.answers, taken),
    headroom,
    time: await timeOf(config, parts, size, context),
  };
  const mayStart = Object.values(sections).every(({ verdict }) => verdict !== 'stops');
  return { mayStart, ...sections };
}

async function timeOf(
  config: TrainConfig,
  { model, inspected, pilot }: Parts,
  size: RunSize,
  { runs, machine, load }: CheckContext,
): Promise<Section<TimeFacts>> {
  const plannedBytes = model.section.facts?.plan?.peakBytes ?? null;
  const past = { runs: await pastRuns(runs, config), plannedBytes };
  if (pilot.kind === 'done') {
    const algorithm = resolveAlgorithm(config.algorithm, config.rollout.maxCompletionTokens);
    const engine = { isExact: pilot.isExact, busy: load / machine.cores };
    return inspectMeasuredTime(config, algorithm, pilot.pilot, size, engine, past);
  }
  const { facts } = model.section;
  if (facts === null) {
    return sectionOf<TimeFacts>(null, [
      notChecked('Nothing can be said of a model that is not known, or not computed here.'),
    ]);
  }
  const { parameters } = facts;
  const median = inspected?.section.facts?.prompts?.tokens.median;
  return inspectReckonedTime(config, { parameters, cores: machine.cores }, median, size, past);
}
