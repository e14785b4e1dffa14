/** An evaluation's config, checked as a whole, and what its stages share. */
import { type HubAccess, readApiKeys, readHubAccess } from '../../config/environment.ts';
import type { EvalConfig } from '../../config/eval-config.ts';
import { fail } from '../../core/errors.ts';
import { defaultCacheFolder } from '../../data/hub-cache.ts';
import type { OpenedTask } from '../stages/asked-samples.ts';
import { accessTo, type Prepared, prepareEvaluation, type Stages } from '../stages/prepare.ts';
import { selectTasks } from '../tasks/open-task.ts';
import type { Task } from '../tasks/task-schema.ts';
import { openTaskSource } from '../tasks/task-source.ts';

type EvalKeys = {
  readonly model: string | undefined;
  /** One for each judge. */
  readonly judges: readonly (string | undefined)[];
};

export type Evaluation = Prepared & {
  readonly config: EvalConfig;
  readonly keys: EvalKeys;
  readonly hub: HubAccess;
};

/** @throws MedixError 'config' with all that keeps these stages from being done */
export async function openEvaluation(config: EvalConfig, stages: Stages): Promise<Evaluation> {
  const prepared = await prepareEvaluation(config, stages, () => readKeys(config, stages), hub());
  return { ...prepared, config, hub: readHubAccess() };
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
