/** All that can be wrong with an evaluation's config, found before any work, and what it opens. */
import type { HubAccess } from '../../config/environment.ts';
import type { EvalConfig } from '../../config/eval-config.ts';
import { digestOf } from '../../core/digest.ts';
import { MedixError, type Problem } from '../../core/errors.ts';
import type { Message } from '../../core/message.ts';
import type { Sample } from '../../core/sample.ts';
import { openTemplate, type PromptTemplate, renderMessages } from '../../data/prompt-template.ts';
import { askingProblems } from '../judging/asking-problems.ts';
import { checkDataAccess } from '../tasks/data-access.ts';
import { selectTasks } from '../tasks/open-task.ts';
import type { Task } from '../tasks/task-schema.ts';
import { checkTaskAccess, type TaskAccess } from '../tasks/task-source.ts';

/** What is about to be done: a stage needs its own parts of the config to be usable. */
export type Stages = { readonly generates: boolean; readonly judges: boolean };

export type Prepared = {
  readonly tasks: readonly Task[];
  readonly template: { readonly name: string; readonly digest: string };
  /** What the model is asked, system message included. */
  readonly render: (sample: Sample) => readonly Message[];
};

/**
 * @param readKeys throws where an API key is missing
 * @throws MedixError 'config' with everything that is wrong
 */
export async function prepareEvaluation<Keys>(
  config: EvalConfig,
  stages: Stages,
  readKeys: () => Keys,
  hub: Pick<TaskAccess, 'hub' | 'cache'>,
): Promise<Prepared & { readonly keys: Keys }> {
  const problems: Problem[] = [];
  const collect = async <T>(open: () => Promise<T> | T): Promise<T | undefined> => {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof MedixError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const keys = await collect(readKeys);
  const template = await collect(() => openTemplate(config.template));
  const tasks = await collect(() => selectTasks(config.tasks));
  if (tasks) problems.push(...taskProblems(tasks, config, stages, hub));
  if (stages.judges) problems.push(...askingProblems(config.judging));
  if (problems.length > 0 || !template || !tasks) throw new MedixError('config', problems);
  const render = renderWith(template, config.systemPrompt);
  return {
    tasks,
    template: { name: template.name, digest: digestOfPrompt(render) },
    render,
    keys: keys as Keys,
  };
}

/** Where a task of an evaluation finds its rows and images. */
export function accessTo(
  { id }: Pick<Task, 'id'>,
  { data, imageRoots }: Pick<EvalConfig, 'data' | 'imageRoots'>,
  hub: { readonly hub: HubAccess; readonly cache: string },
): TaskAccess {
  const rows = data[id];
  const imageRoot = imageRoots[id];
  return {
    ...(rows === undefined ? {} : { data: rows }),
    ...(imageRoot === undefined ? {} : { imageRoot }),
    ...hub,
  };
}

function taskProblems(
  tasks: readonly Task[],
  config: EvalConfig,
  stages: Stages,
  hub: Pick<TaskAccess, 'hub' | 'cache'>,
): Problem[] {
  const { zeroRetention: agreements } = config;
  const readsRows = stages.generates || config.judging.judges.some(seesImages);
  return [
    ...strayNames(tasks, config),
    ...(readsRows
      ? tasks.flatMap((task) => checkTaskAccess(task, accessTo(task, config, hub)) ?? [])
      : []),
    ...checkDataAccess(tasks, { servers: serversOf(config, stages), agreements }),
  ];
}

/** A misspelt id would silently leave a task at the hub. */
function strayNames(tasks: readonly Task[], { data, imageRoots }: EvalConfig): Problem[] {
  const known = tasks.map(({ id }) => id);
  return Object.entries({ data, imageRoots }).flatMap(([field, paths]) =>
    Object.keys(paths)
      .filter((id) => !known.includes(id))
      .map((id) => ({
        where: `${field}.${id}`,
        expected: `one of ${known.join(', ')}`,
        got: 'a task that is not evaluated',
        next: 'correct the id, or leave it out',
      })),
  );
}

function serversOf({ model, judging }: EvalConfig, { generates, judges }: Stages) {
  const urls = (use: string, url: string | readonly string[]) =>
    [url].flat().map((one) => ({ use, url: one }));
  return [
    ...(generates && model.kind === 'openai' ? urls('model', model.url) : []),
    ...(judges
      ? [
          ...judging.judges.flatMap((one) => (one.kind === 'openai' ? urls('judge', one.url) : [])),
          ...judging.metrics.flatMap(({ url }) => urls('metric', url)),
        ]
      : []),
  ];
}

function seesImages(judge: EvalConfig['judging']['judges'][number]): boolean {
  return judge.kind !== 'reference-match' && judge.showImages;
}

function renderWith(
  template: PromptTemplate,
  systemPrompt: string | null,
): (sample: Pick<Sample, 'images' | 'problem'>) => readonly Message[] {
  const system: Message[] =
    systemPrompt === null
      ? []
      : [{ role: 'system', content: [{ type: 'text', text: systemPrompt }] }];
  return (sample) => [...system, ...renderMessages(template, sample)];
}

/** Digest of the text around a question, with no image, one, and several. */
function digestOfPrompt(
  render: (sample: Pick<Sample, 'images' | 'problem'>) => readonly Message[],
): string {
  const image = { bytes: new Uint8Array(), name: '' };
  return digestOf(
    [[], [image], [image, image]].map((images) => render({ images, problem: 'question' })),
  );
}
