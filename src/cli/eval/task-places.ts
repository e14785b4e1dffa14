/** `--data` and `--images`: options of the form `id=path` that may be given several times. */
import { InvalidArgumentError } from 'commander';
import { MedixError } from '../../core/errors.ts';
import type { Task } from '../../eval/tasks/task-schema.ts';

/** Adds a path to those of earlier uses, by id. */
export function addPathById(
  text: string,
  earlier: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const [, id, path] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (id === undefined || path === undefined) {
    throw new InvalidArgumentError('Expected the id of a task, an equals sign and a path.');
  }
  return { ...earlier, [id]: path };
}

/**
 * A misspelt id would silently leave a task at the hub.
 * @throws MedixError 'config' naming every id that is none of the tasks'.
 */
export function requireKnownTasks(
  tasks: readonly Task[],
  places: {
    readonly data: Readonly<Record<string, string>>;
    readonly images: Readonly<Record<string, string>>;
  },
): void {
  const known = tasks.map(({ id }) => id);
  const problems = Object.entries({ data: places.data, images: places.images }).flatMap(
    ([option, paths]) =>
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
