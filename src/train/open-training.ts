/** What a training config names, opened once for every command that trains. */
import type { HubAccess, Secrets } from '../config/environment.ts';
import { type LoadModule, loadModule } from '../config/load-module.ts';
import type { SftConfig } from '../config/sft-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { defined, fail } from '../core/errors.ts';
import type { Message } from '../core/message.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Sample } from '../core/sample.ts';
import { openTemplate, renderMessages } from '../data/prompt-template.ts';
import type { RejectedRows } from '../data/read.ts';
import type { Engine } from '../engine/engine.ts';
import { findModel, type ModelAccess, modelKindOf } from '../engine/find-model.ts';
import { openEngine } from '../engine/open-engine.ts';
import { vetJudge } from '../judge/certificate/assess.ts';
import { countsForSome } from '../reward/aggregate.ts';
import { type OpenedReward, openReward, requireReachable } from '../reward/open-reward.ts';
import { createPromptPreparation, type PreparePrompt } from '../rollout/prepare-prompts.ts';
import { requireComparableParts } from './advantages.ts';
import { type Algorithm, resolveAlgorithm } from './algorithm.ts';
import { requireDivisibleCredit } from './block-credit.ts';
import { openSamples, pinData } from './open-samples.ts';
import { requireFittingData } from './require-fitting-data.ts';
import { type DataFacts, requireSameData } from './same-data.ts';
import type { SampleSet } from './sample-order.ts';
import { withReference } from './self-distillation.ts';
import { createUsageMeter, peakMemory, type UsageMeter } from './usage-meter.ts';

export type OpenedData = {
  /** Names data sets of the hub at their commit, so that a resumed run has the same. */
  readonly data: TrainConfig['data'];
  readonly samples: SampleSet;
  /** Undefined where the config names no validation set. */
  readonly validationSamples: SampleSet | undefined;
  /** Rows of both sets that could not be used. */
  readonly rejected: RejectedRows;
  /** A sample as the model is asked about it. */
  readonly render: (sample: Sample) => readonly Message[];
  /** For the manifest. */
  readonly dataFacts: DataFacts;
};

/**
 * @param resumed directory of the run that goes on, if one does
 * @throws MedixError 'data' when a set cannot be read, has no usable row or is not what the resumed run began
 *   with, 'config' for a wrong template
 */
export async function openData(
  config: (TrainConfig | SftConfig)['data'],
  hub: HubAccess,
  signal: AbortSignal,
  resumed?: string,
): Promise<OpenedData> {
  const data = await pinData(config, hub);
  const training = defined(await openSamples(data, 'train', hub, signal), 'training set');
  const validation = await openSamples(data, 'validation', hub, signal);
  const dataFacts = { train: [...training.facts], validation: [...(validation?.facts ?? [])] };
  if (resumed !== undefined) await requireSameData(resumed, dataFacts);
  const template = await openTemplate(config.template);
  return {
    data,
    dataFacts,
    samples: training.samples,
    validationSamples: validation?.samples,
    rejected: {
      first: [...training.rejected.first, ...(validation?.rejected.first ?? [])],
      count: training.rejected.count + (validation?.rejected.count ?? 0),
    },
    render: (sample) => renderMessages(template, sample),
  };
}

export type OpenedTraining = OpenedData & {
  /** Names a model of the hub at its commit, so that a resumed run has the same. */
  readonly config: TrainConfig;
  readonly algorithm: Algorithm;
  /** The reward with its judge and embedder. */
  readonly scoring: OpenedReward;
  readonly engine: Engine;
  readonly prepare: PreparePrompt;
  /** The same with the reference answer in the prompt. */
  readonly prepareTeacher: PreparePrompt;
  /** The `usage/` metrics since it was last asked. */
  readonly usage: () => Metrics;
  /** What speaks against the judge, and settings that change nothing; for people. */
  readonly warnings: readonly string[];
  /** For the manifest, beside versions. */
  readonly facts: Readonly<Record<string, unknown>>;
  close(): Promise<void>;
};

export type TrainingContext = ModelAccess & {
  readonly secrets: Secrets;
  readonly signal: AbortSignal;
  /** How code of the user's own is found. @default from the modules that the config names */
  readonly load?: LoadModule;
  /** Directory of the run that goes on. @default a new one begins */
  readonly resumed?: string;
};

/**
 * Data, reward and model in the order in which they cost time: whatever is wrong with a config is told before
 * a model is loaded.
 *
 * @throws MedixError where a part cannot be opened, where the judge is refused, or where judge or embedder
 *   do not answer
 */
export async function openTraining(
  config: TrainConfig,
  context: TrainingContext,
): Promise<OpenedTraining> {
  const { hub, secrets, clock, signal, load = loadModule } = context;
  const data = await openData(config.data, hub, signal, context.resumed);
  const { maxCompletionTokens } = config.rollout;
  const algorithm = resolveAlgorithm(config.algorithm, maxCompletionTokens);
  let meter: UsageMeter | undefined;
  const onJudgeTime = (milliseconds: number) => meter?.judged(milliseconds);
  const asking = { secrets, seed: config.seed, clock, load, onJudgeTime };
  const scoring = await openReward(config.reward, asking);
  try {
    requireComparableParts(scoring.reward.profile, algorithm);
    requireDivisibleCredit(scoring.reward.profile, algorithm);
    const { profile } = scoring.reward;
    const asked = {
      verdicts: countsForSome(profile, 'judge'),
      rubrics: countsForSome(profile, 'rubric'),
    };
    const vet = (...policy: readonly string[]) =>
      vetJudge(config.reward.judge, scoring.judge.describe, [config.model, ...policy], asked);
    // An unfit judge is refused before a model is downloaded, whose files may tell that they are relatives.
    await vet();
    await requireReachable(scoring, signal);
    const { folder, name: model } = await findModel(config.engine, config.model, context, signal);
    const kind = await modelKindOf(config.engine, folder);
    requireFittingData(kind, config.data.textOnly);
    const vetted = await vet(...(kind === undefined ? [] : [kind.architecture]));
    const use = { kind: 'train', seed: config.seed } as const;
    const engine = await openEngine(config.engine, folder, use, signal, load);
    requireEntropies(algorithm, engine);
    const measuring = createUsageMeter(() => scoring.ledger.summary(), peakMemory);
    meter = measuring;
    return {
      ...data,
      usage: () => measuring.take(),
      config: { ...config, model, data: data.data },
      algorithm,
      scoring,
      engine,
      prepare: createPromptPreparation(engine.model, data.render, maxCompletionTokens),
      prepareTeacher: createPromptPreparation(
        engine.model,
        (sample) => withReference(data.render(sample), sample),
        maxCompletionTokens,
      ),
      warnings: [...vetted.warnings, ...idleCorrection(algorithm, engine)],
      facts: {
        ...scoring.facts,
        data: data.dataFacts,
        certificate: vetted.certificate ?? null,
        algorithm,
        ...(engine.facts ? { engine: engine.facts } : {}),
      },
      close: async () => {
        await Promise.all([engine.close(), scoring.close()]);
      },
    };
  } catch (error) {
    await scoring.close();
    throw error;
  }
}

/** @throws MedixError 'config' where an entropy bonus is asked for and the engine does not tell entropies */
function requireEntropies({ loss, targets }: Algorithm, { guarantees, model }: Engine): void {
  const isAsked = loss.entropyCoefficient > 0 || targets.entropy !== undefined;
  if (!isAsked || guarantees.entropies) return;
  fail('config', {
    where: `algorithm.loss.${loss.entropyCoefficient > 0 ? 'entropyCoefficient' : 'entropyTarget'}`,
    expected: 'an engine that tells the entropy of each token',
    got: `the engine of ${model.id}, which does not`,
    next: 'leave it out, or train with the local engine',
  });
}

/** Whether the sampler of an engine is exact is known only once it is open, so this is no error of the config. */
function idleCorrection({ loss }: Algorithm, { guarantees }: Engine): string[] {
  const isIdle = loss.samplerCorrection !== 'none' && guarantees.samplerLogprobs === 'exact';
  return isIdle
    ? ['algorithm.samplerCorrection changes nothing: the sampler of this engine is exact']
    : [];
}
