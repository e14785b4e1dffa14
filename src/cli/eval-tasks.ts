/** `medix eval tasks`: which evaluation tasks there are, and where their rows would come from. */
import { InvalidArgumentError } from 'commander';
import { readHubAccess } from '../config/environment.ts';
import { MedixError } from '../core/errors.ts';
import { defaultCacheFolder } from '../eval/tasks/hub-cache.ts';
import { selectTasks } from '../eval/tasks/open-task.ts';
import type { Task } from '../eval/tasks/task-schema.ts';
import { checkTaskAccess, type TaskAccess, taskDataState } from '../eval/tasks/task-source.ts';
import type { AddCommand } from './command.ts';
import { printable } from './printable.ts';

type Options = {
  readonly taskFolder?: string;
  readonly data: Readonly<Record<string, string>>;
  readonly images: Readonly<Record<string, string>>;
  readonly cache: string;
  readonly notes?: boolean;
};

export const addEvalTasksCommand: AddCommand = (group, { terminal }) => {
  group
    .command('tasks')
    .description('List the evaluation tasks: size, licence, access, and what is on this machine.')
    .argument('[tasks...]', 'ids, task files, "text", "vision" or "all"', ['all'])
    .option('--task-folder <dir>', 'folder with task files of your own, each named <id>.yaml')
    .option('--data <id=path>', 'where a task finds its rows; may be repeated', addPair, {})
    .option('--images <id=dir>', 'where a task finds its images; may be repeated', addPair, {})
    .option('--cache <dir>', 'where files of the hub are kept', defaultCacheFolder)
    .option('--notes', 'also say where tasks depart from the paper')
    .action(async (names: readonly string[], options: Options) => {
      const tasks = await selectTasks(names, options.taskFolder);
      requireKnown(tasks, options);
      for (const line of await tableOf(tasks, options)) terminal.print(line);
      if (options.notes) for (const line of tasks.flatMap(notesOf)) terminal.print(line);
    });
};

function addPair(
  text: string,
  earlier: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const [, id, path] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (id === undefined || path === undefined) {
    throw new InvalidArgumentError('Expected the id of a task, an equals sign and a path.');
  }
  return { ...earlier, [id]: path };
}

/** A misspelt id would silently leave a task at the hub. */
function requireKnown(tasks: readonly Task[], { data, images }: Options): void {
  const known = tasks.map(({ id }) => id);
  const problems = Object.entries({ data, images }).flatMap(([option, paths]) =>
    Object.keys(paths)
      .filter((id) => !known.includes(id))
      .map((id) => ({
        where: `--${option}`,
        expected: `one of ${known.join(', ')}`,
        got: id,
        next: 'correct the id',
      })),
  );
  if (problems.length > 0) throw new MedixError('config', problems);
}

const headings = ['task', 'kind', 'n', 'licence', 'access', 'data'] as const;

async function tableOf(tasks: readonly Task[], options: Options): Promise<string[]> {
  const rows = await Promise.all(tasks.map((task) => rowOf(task, accessFor(task, options))));
  const table = [headings, ...rows];
  const widths = headings.map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0)));
  return table.map((row) =>
    row
      .map((cell, i) => (i === 2 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

function accessFor(task: Task, { data, images, cache }: Options): TaskAccess {
  const rows = data[task.id];
  const imageRoot = images[task.id];
  return {
    ...(rows === undefined ? {} : { data: rows }),
    ...(imageRoot === undefined ? {} : { imageRoot }),
    hub: readHubAccess(),
    cache,
  };
}

async function rowOf(task: Task, access: TaskAccess): Promise<string[]> {
  return [
    task.id,
    kindsOf(task),
    task.rows === null ? '?' : task.rows.toLocaleString('en'),
    task.licence ?? 'not stated',
    task.access,
    await dataOf(task, access),
  ].map(printable);
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
  return ['', printable(`${id} (${title})`), ...corrects.map((note) => printable(`  - ${note}`))];
}
