/** The stages of an evaluation as commands run them: each opens its parts, works, and closes them. */

import type { EvalConfig } from '../../config/eval-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { openAnswerer } from '../../eval/answerers/open-answerer.ts';
import type { Judging } from '../../eval/judging/judging.ts';
import { openJudging } from '../../eval/judging/open-judging.ts';
import { ResultsWriter } from '../../eval/results/folder.ts';
import {
  findEvalManifest,
  findJudgingManifest,
  readEvalManifest,
} from '../../eval/results/layout.ts';
import type { EvalManifest } from '../../eval/results/records.ts';
import type { OpenedTask } from '../../eval/stages/asked-samples.ts';
import { generate } from '../../eval/stages/generate.ts';
import { type JudgeStageOptions, judgeResponses } from '../../eval/stages/judge.ts';
import type { StageEnd } from '../../eval/stages/progress.ts';
import { closing } from '../../run/closing.ts';
import type { CommandContext } from '../command.ts';
import { runFacts } from '../run-facts.ts';
import { type Evaluation, openEvaluatedTask, openEvaluationTask } from './evaluation.ts';
import { createStageView } from './view.ts';

/**
 * @param most answers of each task to ask for now; absent asks for all
 * @throws MedixError as the stage does, or 'cancelled' saying how to resume
 */
export async function runGenerate(
  evaluation: Evaluation,
  context: CommandContext,
  most?: number,
): Promise<StageEnd> {
  const { config, template, render, keys } = evaluation;
  const { signal } = context;
  const earlier = await findEvalManifest(config.out);
  const { answerer, ledger } = await openAnswerer(
    config,
    {
      render,
      clock: systemClock,
      ...(keys.model === undefined ? {} : { apiKey: keys.model }),
      earlierUsage: earlier?.ledger ?? {},
    },
    signal,
  );
  try {
    const tasks: OpenedTask[] = [];
    for (const task of evaluation.tasks) tasks.push(await openEvaluationTask(task, config));
    const facts = {
      config,
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
          onProgress: createStageView(context.terminal),
        },
        signal,
      ),
    );
  } finally {
    await answerer.close();
  }
}

/**
 * Opens the judging and asks every judge once; warnings about them are printed.
 * @throws MedixError 'judge' where one cannot be asked
 */
export async function openReachableJudging(
  { config, keys }: Evaluation,
  { terminal, signal }: CommandContext,
): Promise<Judging> {
  const { model } = config;
  const earlier = await findJudgingManifest(config.out, config.judging.name);
  const judging = await openJudging(config.judging, {
    apiKeys: keys.judges,
    clock: systemClock,
    seed: config.sampling.seed,
    modelNames: [model.kind === 'openai' ? model.model : model.path],
    ...(earlier ? { earlierUsage: earlier.ledger } : {}),
  });
  try {
    await judging.requireReachable(signal);
  } catch (error) {
    await judging.close();
    throw error;
  }
  for (const warning of judging.warnings) terminal.print(`warning: ${warning}`);
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
  context: CommandContext,
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
          onProgress: createStageView(context.terminal),
        },
        context.signal,
      ),
    );
  } finally {
    await judging.close();
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
