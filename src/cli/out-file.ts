/** The file that `--out` names. */
import { lstat, stat } from 'node:fs/promises';
import { fail } from '../core/errors.ts';
import { type Append, writeAside } from '../core/write-aside.ts';
import { storing } from '../run/durable.ts';

/** @throws MedixError 'run' when the path is taken, by anything but a file that may be replaced. */
export async function requireWritable(path: string, force: boolean): Promise<void> {
  if (path.trim() === '') failTaken('--out', 'no name', false);
  const entry = await lstat(path).catch(() => undefined);
  if (entry === undefined) return;
  const found = await stat(path).catch(() => undefined);
  // A link to nothing is replaced as a file is: something else may count on it.
  const isReplaceable = found?.isFile() ?? entry.isSymbolicLink();
  if (force && isReplaceable) return;
  const got = isReplaceable ? 'one that does' : 'something else than a file';
  failTaken(
    `--out ${path}`,
    found === undefined ? 'a symbolic link to nothing' : got,
    isReplaceable,
  );
}

function failTaken(where: string, got: string, isReplaceable: boolean): never {
  fail('run', {
    where,
    expected: 'a file that does not exist yet',
    got,
    next: isReplaceable ? 'choose another name, or replace it with --force' : 'choose another name',
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
