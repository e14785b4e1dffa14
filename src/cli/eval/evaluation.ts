/** The config of `medix eval`, checked as a whole, and what its stages share. */
import { readApiKeys, readHubAccess } from '../../config/environment.ts';
import { type EvalConfig, evalConfigSchema } from '../../config/eval-config.ts';
import { readConfig } from '../../config/read-config.ts';
import { fail } from '../../core/errors.ts';
import { readEvalManifest } from '../../eval/results/layout.ts';
import type { OpenedTask } from '../../eval/stages/asked-samples.ts';
import {
  accessTo,
  type Prepared,
  prepareEvaluation,
  type Stages,
} from '../../eval/stages/prepare.ts';
import { defaultCacheFolder } from '../../eval/tasks/hub-cache.ts';
import { selectTasks } from '../../eval/tasks/open-task.ts';
import type { Task } from '../../eval/tasks/task-schema.ts';
import { openTaskSource } from '../../eval/tasks/task-source.ts';
import { readConfigArguments } from '../config-arguments.ts';

type EvalKeys = {
  readonly model: string | undefined;
  /** One for each judge. */
  readonly judges: readonly (string | undefined)[];
};

export type Evaluation = Prepared & { readonly config: EvalConfig; readonly keys: EvalKeys };

/**
 * The config of a new evaluation, or of the one in a results folder, under the changes given.
 * @throws MedixError 'config' with all that is wrong, 'run' where there is no such folder
 */
export async function readEvalConfig(
  words: readonly string[],
  resume: string | undefined,
): Promise<EvalConfig> {
  if (resume === undefined) return (await readConfigArguments(evalConfigSchema, words)).config;
  const files = words.filter((word) => !word.includes('='));
  if (files.length > 0) {
    fail('config', {
      where: 'command line',
      expected: 'no config file together with --resume',
      got: files.join(' '),
      next: 'write changes as key=value',
    });
  }
  const { config } = await readEvalManifest(resume);
  const base = { ...config, statistics: ofEarlierVersion(config['statistics']), out: resume };
  return readConfig(evalConfigSchema, { base, overrides: words });
}

/** What an evaluation began with stays: versions before the setting left intervals as they were drawn. */
function ofEarlierVersion(statistics: unknown): unknown {
  const isRecord = typeof statistics === 'object' && statistics !== null;
  return isRecord ? { fewClusters: 'as-drawn', ...statistics } : statistics;
}

/** @throws MedixError 'config' with all that keeps these stages from being done */
export async function openEvaluation(config: EvalConfig, stages: Stages): Promise<Evaluation> {
  const prepared = await prepareEvaluation(config, stages, () => readKeys(config, stages), hub());
  return { ...prepared, config };
}

/** @throws MedixError where the task's rows cannot be found, or the hub has to be asked and cannot be */
export async function openEvaluationTask(task: Task, config: EvalConfig): Promise<OpenedTask> {
  return { task, source: await openTaskSource(task, accessTo(task, config, hub())) };
}

/**
 * A task of the results folder, where the config finds it.
 * @throws MedixError also where the config no longer names it
 */
export async function openEvaluatedTask(id: string, config: EvalConfig): Promise<OpenedTask> {
  const task = (await selectTasks(config.tasks)).find((one) => one.id === id);
  if (task) return openEvaluationTask(task, config);
  return fail('config', {
    where: 'tasks',
    expected: `every task of the results folder, including ${id}`,
    got: config.tasks.join(', '),
    next: `add ${id} to tasks`,
  });
}

function hub() {
  return { hub: readHubAccess(), cache: defaultCacheFolder };
}

function readKeys({ model, judging }: EvalConfig, { generates, judges }: Stages): EvalKeys {
  const [modelKey, ...judgeKeys] = readApiKeys([
    {
      where: 'model.apiKeyEnv',
      variable: generates && model.kind === 'openai' ? model.apiKeyEnv : null,
    },
    ...judging.judges.map((judge, index) => ({
      where: `judging.judges.${index}.apiKeyEnv`,
      variable: judges && judge.kind === 'openai' ? judge.apiKeyEnv : null,
    })),
  ]);
  return { model: modelKey, judges: judgeKeys };
}
