/** `--data` and `--images`: options of the form `id=path` that may be given several times. */
import { InvalidArgumentError } from 'commander';

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
