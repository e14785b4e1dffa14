/** Task files: those that come with MediX and those of the user. */
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listFields } from '../../config/field-list.ts';
import { problemsOf } from '../../config/schema-problems.ts';
import { digestOfBytes } from '../../core/digest.ts';
import { fail, MedixError, type Problem } from '../../core/errors.ts';
import { entriesOf, readBytes } from '../../core/files.ts';
import { packageFile } from '../../core/package-file.ts';
import { reading, readingAs } from '../../core/reading.ts';
import { parseYaml } from '../../core/yaml.ts';
import { taskSchema } from './task-checks.ts';
import type { Task } from './task-schema.ts';

const builtInFolder = fileURLToPath(packageFile('assets/tasks'));

/**
 * Opens a task by id, or by the path of its file (with a slash or the ending .yaml).
 *
 * @param folder of further task files, each named `<id>.yaml`
 * @throws MedixError 'config' where there is no such task, or with all that is wrong with its file
 */
export async function openTask(idOrPath: string, folder?: string): Promise<Task> {
  if (isPath(idOrPath)) return readTask(idOrPath);
  const files = await taskFiles(folder);
  const file = files.find((path) => idOf(path) === idOrPath);
  return file === undefined ? failUnknown([idOrPath], files) : readTask(file);
}

/**
 * All tasks, those with text before those with images, then by id.
 *
 * @throws MedixError 'config' with all that is wrong with any of the files
 */
export async function listTasks(folder?: string): Promise<readonly Task[]> {
  return inOrder(await readTasks(await taskFiles(folder)));
}

/**
 * The tasks of a selection, each once: `all`, `text` and `vision` (only built-in ones and those of
 * the folder), ids, and paths of task files.
 *
 * @throws MedixError 'config' with every unknown name and all that is wrong with any of the files
 */
export async function selectTasks(
  selection: readonly string[],
  folder?: string,
): Promise<readonly Task[]> {
  const files = await taskFiles(folder);
  const known = new Set([...files.map(idOf), 'all', 'text', 'vision']);
  const unknown = selection.filter((name) => !isPath(name) && !known.has(name));
  if (unknown.length > 0) failUnknown(unknown, files);
  const listed = await readTasks(files);
  const named = await readTasks([...new Set(selection.filter(isPath))]);
  requireDistinct([...listed, ...named.filter(({ file }) => !files.includes(file))]);
  const wanted = (task: Task) =>
    selection.includes('all') ||
    selection.includes(task.id) ||
    selection.includes(task.input === 'text' ? 'text' : 'vision');
  const chosen = new Map([...listed.filter(wanted), ...named].map((task) => [task.id, task]));
  return inOrder([...chosen.values()]);
}

function isPath(name: string): boolean {
  return /[/\\]|\.ya?ml$/.test(name);
}

async function taskFiles(folder: string | undefined): Promise<string[]> {
  const own = folder === undefined ? [] : await yamlFilesIn(folder);
  return [...(await yamlFilesIn(builtInFolder)), ...own];
}

async function yamlFilesIn(folder: string): Promise<string[]> {
  const asked = {
    boundary: 'config',
    where: folder,
    expected: 'a folder of task files',
    next: 'correct the path',
  } as const;
  const names = (await reading(asked, () => entriesOf(folder))).map(({ name }) => name);
  const files = names.filter((name) => /\.ya?ml$/.test(name));
  return files.toSorted().map((name) => join(folder, name));
}

async function readTasks(files: readonly string[]): Promise<Task[]> {
  const read = await Promise.allSettled(files.map(readTask));
  const problems: Problem[] = [];
  for (const result of read) {
    if (result.status === 'fulfilled') continue;
    if (!(result.reason instanceof MedixError)) throw result.reason;
    problems.push(...result.reason.problems);
  }
  if (problems.length > 0) throw new MedixError('config', problems);
  const tasks = read.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  requireDistinct(tasks);
  return tasks;
}

async function readTask(file: string): Promise<Task> {
  const values = await readYaml(file);
  const parsed = taskSchema.safeParse(values);
  if (!parsed.success) {
    const where = (path: string) => `${file}: ${path}`;
    throw new MedixError('config', problemsOf(parsed.error, values, listFields(taskSchema), where));
  }
  if (parsed.data.id !== idOf(file)) {
    const expected = `the file's name, ${idOf(file)}`;
    const next = 'rename the file or change the id';
    fail('config', { where: `${file}: id`, expected, got: parsed.data.id, next });
  }
  const digest = digestOfBytes(canonical(parsed.data));
  return { ...parsed.data, file, digest };
}

async function readYaml(file: string): Promise<unknown> {
  const asked = {
    boundary: 'config',
    where: file,
    expected: 'a task file in YAML',
    next: 'correct the file; `medix eval tasks` lists the tasks there are',
  } as const;
  return readingAs(asked, () => readBytes(file), parseYaml);
}

/** JSON with sorted keys, so that the order in which a file states things does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function idOf(file: string): string {
  return basename(file).replace(/\.ya?ml$/, '');
}

function inOrder(tasks: readonly Task[]): Task[] {
  const rank = ({ input }: Task) => (input === 'text' ? 0 : 1);
  return tasks.toSorted((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
}

function requireDistinct(tasks: readonly Task[]): void {
  const seen = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { id, file } of tasks) {
    const other = seen.get(id);
    if (other !== undefined) {
      const next = 'give one of them another id';
      problems.push({
        where: file,
        expected: 'an id of its own',
        got: `${id}, as in ${other}`,
        next,
      });
    }
    seen.set(id, file);
  }
  if (problems.length > 0) throw new MedixError('config', problems);
}

function failUnknown(names: readonly string[], files: readonly string[]): never {
  const known = files.map(idOf).join(', ');
  throw new MedixError(
    'config',
    names.map((name) => ({
      where: `task ${name}`,
      expected: `one of ${known}`,
      got: 'an unknown id',
      next: 'correct it, or give the path of a task file',
    })),
  );
}
