/** The stages of an evaluation from its config: each opens its parts, works, and closes them. */
import type { EvalConfig } from '../../config/eval-config.ts';
import type { LoadModule } from '../../config/load-module.ts';
import { systemClock, type WallClock } from '../../core/async/clock.ts';
import { closing } from '../../run/closing.ts';
import { runFacts } from '../../run/run-facts.ts';
import { openAnswerer } from '../answerers/open-answerer.ts';
import type { Judging } from '../judging/judging.ts';
import { openJudging } from '../judging/open-judging.ts';
import { ResultsWriter } from '../results/folder.ts';
import { findEvalManifest, findJudgingManifest, readEvalManifest } from '../results/layout.ts';
import type { EvalManifest } from '../results/records.ts';
import type { OpenedTask } from '../stages/asked-samples.ts';
import { generate } from '../stages/generate.ts';
import { type JudgeStageOptions, judgeResponses } from '../stages/judge.ts';
import type { OnProgress, StageEnd } from '../stages/progress.ts';
import { type Evaluation, openEvaluatedTask, openEvaluationTask } from './open-evaluation.ts';

/** What stages are given beside the config. */
export type StageContext = {
  /** Aborts when the user asks to stop; the same call then goes on. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly clock: WallClock;
  readonly onProgress: OnProgress;
  /** Hears what speaks against a judge, before any work, and what a model cannot do as it is asked to. */
  readonly onWarning: (warning: string) => void;
  /** Hears in one line how far the download of a model is. @default nobody */
  readonly onDownload?: (line: string) => void;
  /** How code of the user's own is found. @default {@link loadModule} */
  readonly load?: LoadModule;
};

/**
 * @param most answers of each task to ask for now; absent asks for all
 * @throws MedixError as the stage does, or 'cancelled' saying how to resume
 */
export async function runGenerate(
  evaluation: Evaluation,
  context: StageContext,
  most?: number,
): Promise<StageEnd> {
  const { config, template, render, keys, hub } = evaluation;
  const { signal, load } = context;
  const earlier = await findEvalManifest(config.out);
  const { answerer, ledger, model } = await openAnswerer(
    config,
    {
      render,
      clock: systemClock,
      hub,
      ...(context.onDownload ? { onDownload: context.onDownload } : {}),
      ...(keys.model === undefined ? {} : { apiKey: keys.model }),
      earlierUsage: earlier?.ledger ?? {},
      onWarning: context.onWarning,
      ...(load ? { load } : {}),
    },
    signal,
  );
  try {
    const tasks: OpenedTask[] = [];
    for (const task of evaluation.tasks) tasks.push(await openEvaluationTask(task, config));
    const facts = {
      config: { ...config, model },
      model: answerer.describe,
      tasks: Object.fromEntries(
        tasks.map(({ task, source }): [string, EvalManifest['tasks'][string]] => {
          const { description, revision } = source;
          const { digest, access } = task;
          return [task.id, { digest, source: description, revision, access }];
        }),
      ),
      template,
      versions: await runFacts(),
    };
    const results = await ResultsWriter.open(config.out, facts, context.clock);
    return await closing(results, resuming('generate', config.out), signal, () =>
      generate(
        {
          results,
          tasks,
          answerer,
          variants: config.variants,
          epochs: config.sampling.epochs,
          seed: config.sampling.seed,
          limit: config.limit,
          ...(most === undefined ? {} : { most }),
          ...(ledger ? { ledger } : {}),
          clock: systemClock,
          onProgress: context.onProgress,
        },
        signal,
      ),
    );
  } finally {
    await answerer.close();
  }
}

/**
 * Opens the judging and asks every judge once; warnings about them are told.
 * @throws MedixError 'judge' where one cannot be asked
 */
export async function openReachableJudging(
  { config, keys }: Evaluation,
  { signal, onWarning, load }: StageContext,
): Promise<Judging> {
  const { model } = config;
  const earlier = await findJudgingManifest(config.out, config.judging.name);
  const judging = await openJudging(config.judging, {
    apiKeys: keys.judges,
    clock: systemClock,
    seed: config.sampling.seed,
    modelNames: [namedBy(model)],
    ...(earlier ? { earlierUsage: earlier.ledger } : {}),
    ...(load ? { load } : {}),
  });
  try {
    await judging.requireReachable(signal);
  } catch (error) {
    await judging.close();
    throw error;
  }
  judging.warnings.forEach(onWarning);
  return judging;
}

/**
 * Closes the judging.
 * @param limits as in the stage; absent judges all, as many at once as the judges take
 * @throws MedixError as the stage does, or 'cancelled' saying how to resume
 */
export async function runJudge(
  { config, tasks }: Evaluation,
  judging: Judging,
  context: StageContext,
  limits: Partial<Pick<JudgeStageOptions, 'most' | 'window'>> = {},
): Promise<StageEnd> {
  try {
    const manifest = await readEvalManifest(config.out);
    const evaluated = tasks.filter(({ id }) => id in manifest.tasks);
    const record = { ...manifest.config, judging: config.judging };
    const results = await ResultsWriter.reopen(config.out, record, context.clock);
    return await closing(results, resuming('judge', config.out), context.signal, () =>
      judgeResponses(
        {
          results,
          tasks: evaluated.map(({ id }) => id),
          openTask: (id) => openEvaluatedTask(id, config),
          name: config.judging.name,
          judging,
          window: windowFor(config.judging),
          ...limits,
          clock: systemClock,
          onProgress: context.onProgress,
        },
        context.signal,
      ),
    );
  } finally {
    await judging.close();
  }
}

/** What a config tells about the family of a model. */
function namedBy(model: EvalConfig['model']): string {
  switch (model.kind) {
    case 'openai':
      return model.model;
    case 'module':
      return model.module;
    case 'local':
    case 'file':
      return model.path;
  }
}

/** How many answers are held at once, so that no judge has to wait for the next one. */
function windowFor({ judges }: EvalConfig['judging']): number {
  return judges.reduce(
    (most, judge) => Math.max(most, 'concurrency' in judge ? 2 * judge.concurrency : 16),
    0,
  );
}

function resuming(command: 'generate' | 'judge', folder: string) {
  return { where: folder, resume: `medix eval ${command} --resume ${folder}` };
}
