/** `medix eval tasks`: which evaluation tasks there are, and where their rows would come from. */
import { readHubAccess } from '../../config/environment.ts';
import { defaultCacheFolder } from '../../data/hub-cache.ts';
import { columnsOf, textTable } from '../../eval/reports/table.ts';
import { accessTo } from '../../eval/stages/prepare.ts';
import { selectTasks } from '../../eval/tasks/open-task.ts';
import type { Task } from '../../eval/tasks/task-schema.ts';
import { checkTaskAccess, type TaskAccess, taskDataState } from '../../eval/tasks/task-source.ts';
import type { SetUpCommand } from '../command.ts';
import { addPathById, requireKnownTasks } from './task-places.ts';

type Options = {
  readonly taskFolder?: string;
  readonly data: Readonly<Record<string, string>>;
  readonly images: Readonly<Record<string, string>>;
  readonly cache: string;
  readonly notes?: boolean;
};

export const setUpEvalTasks: SetUpCommand = (command, { terminal }) => {
  command
    .argument('[tasks...]', 'task ids, task files, "text", "vision" or "all"', ['all'])
    .option('--task-folder <dir>', 'folder with your own task files, each named <id>.yaml')
    .option(
      '--data <id=path>',
      'local file or folder with the rows of a task; may be repeated',
      addPathById,
      {},
    )
    .option(
      '--images <id=dir>',
      'local folder with the images of a task; may be repeated',
      addPathById,
      {},
    )
    .option('--cache <dir>', 'folder that keeps files downloaded from the hub', defaultCacheFolder)
    .option('--notes', 'also say where tasks deviate from the paper')
    .action(async (names: readonly string[], options: Options) => {
      const tasks = await selectTasks(names, options.taskFolder);
      requireKnownTasks(tasks, options);
      for (const line of await tableOf(tasks, options)) terminal.print(line);
      if (options.notes) for (const line of tasks.flatMap(notesOf)) terminal.print(line);
    });
};

async function tableOf(tasks: readonly Task[], options: Options): Promise<string[]> {
  const places = { data: options.data, imageRoots: options.images };
  const from = { hub: readHubAccess(), cache: options.cache };
  const rows = await Promise.all(tasks.map((task) => rowOf(task, accessTo(task, places, from))));
  return textTable({ columns: columnsOf('task', 'kind', '>n', 'licence', 'access', 'data'), rows });
}

async function rowOf(task: Task, access: TaskAccess): Promise<string[]> {
  return [
    task.id,
    kindsOf(task),
    task.rows === null ? '?' : task.rows.toLocaleString('en'),
    task.licence ?? 'not stated',
    task.access,
    await dataOf(task, access),
  ];
}

function kindsOf({ kind }: Task): string {
  if (kind === 'by-answer') return 'open, closed';
  return typeof kind === 'string' ? kind : [...new Set(Object.values(kind.values))].join(', ');
}

async function dataOf(task: Task, access: TaskAccess): Promise<string> {
  const state = await taskDataState(task, access);
  const images = checkTaskAccess(task, access) ? '; needs a folder of images' : '';
  switch (state.kind) {
    case 'local':
      return `${state.path}${state.exists ? '' : ' (missing)'}${images}`;
    case 'cached':
      return `cached: ${state.dataset} at ${state.revision.slice(0, 7)}${images}`;
    case 'hub':
      return `hub: ${state.dataset} at ${state.revision?.slice(0, 7) ?? 'its newest'}${images}`;
  }
}

function notesOf({ id, title, corrects }: Task): string[] {
  if (corrects.length === 0) return [];
  return ['', `${id} (${title})`, ...corrects.map((note) => `  - ${note}`)];
}
