/** The file that `--out` names. */
import { fail } from '../core/errors.ts';
import { foundAt, linkAt } from '../core/files.ts';
import { reading } from '../core/reading.ts';
import { type Append, writeAside } from '../core/write-aside.ts';
import { storing } from '../run/durable.ts';

/** @throws MedixError 'run' when the path is taken, by anything but a file that may be replaced. */
export async function requireWritable(path: string, force: boolean): Promise<void> {
  if (path.trim() === '') failTaken('--out', 'no name', false);
  const asked = {
    boundary: 'run',
    where: `--out ${path}`,
    expected: 'a place that can be written',
    next: 'choose another name, or grant access',
  } as const;
  const entry = await reading(asked, () => linkAt(path));
  if (entry === 'missing') return;
  // A link to nothing, or to itself, is replaced as a file is: something else may count on it.
  const found = await foundAt(path).catch(() => 'missing' as const);
  const isLost = found === 'missing' && entry === 'link';
  const isReplaceable = found === 'file' || isLost;
  if (force && isReplaceable) return;
  const got = isReplaceable ? 'one that does' : 'something else than a file';
  failTaken(`--out ${path}`, isLost ? 'a symbolic link to nothing' : got, isReplaceable);
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
