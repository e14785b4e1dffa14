/** The file that `--out` names. */
import { stat } from 'node:fs/promises';
import { fail } from '../core/errors.ts';
import { type Append, writeAside } from '../core/write-aside.ts';
import { storing } from '../run/durable.ts';

/** @throws MedixError 'run' when the path is taken, by anything but a file that may be replaced. */
export async function requireWritable(path: string, force: boolean): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || (force && found.isFile())) return;
  fail('run', {
    where: `--out ${path}`,
    expected: 'a file that does not exist yet',
    got: found.isFile() ? 'one that does' : 'something else than a file',
    next: found.isFile()
      ? 'choose another name, or replace it with --force'
      : 'choose another name',
  });
}

/**
 * Lets `write` fill a file that appears at `path` when it is whole; see {@link writeAside}.
 * @throws MedixError 'run' where the folder cannot be written.
 */
export function writeOut(path: string, write: (append: Append) => Promise<void>): Promise<void> {
  return storing(
    `--out ${path}`,
    () => writeAside(path, write),
    'correct the path, make room or grant access',
  );
}
