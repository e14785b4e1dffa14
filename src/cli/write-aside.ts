/** Files of results that appear whole or not at all. */
import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail, messageOf } from '../core/errors.ts';
import { unfinishedPrefix } from '../run/durable.ts';

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
 * Lets `write` append text to a file beside `path` and renames it into place. Whatever `write` throws
 * leaves `path` as it was.
 * @throws MedixError 'run' where the folder cannot be written.
 */
export async function writeAside(
  path: string,
  write: (append: (text: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const aside = join(dirname(path), `${unfinishedPrefix}${randomUUID()}`);
  const file = await open(aside, 'wx').catch((error) => unwritable(path, error));
  try {
    try {
      await write((text) => file.appendFile(text).catch((error) => unwritable(path, error)));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

function unwritable(path: string, error: unknown): never {
  return fail(
    'run',
    {
      where: `--out ${path}`,
      expected: 'a place that can be written',
      got: messageOf(error),
      next: 'correct the path, make room or grant access',
    },
    error,
  );
}
