/**
 * Files and directories that appear whole or not at all, also after a power cut: written beside their
 * place, flushed, renamed, and the rename flushed.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail, MedixError } from '../core/errors.ts';
import { entriesOf } from '../core/files.ts';
import { makeFolder } from '../core/make-folder.ts';
import { isMissing, refusalOf } from '../core/reading.ts';
import { flush, unfinishedPrefix, writeAside } from '../core/write-aside.ts';

/** Makes a folder, and those above it that are missing; their names are on the disk. */
export async function makeFolderDurably(path: string): Promise<void> {
  for (const made of await makeFolder(path)) await flush(dirname(made));
}

/** Replaces `path` by `text` in one step. */
export async function writeFileDurably(path: string, text: string): Promise<void> {
  await writeAside(path, (append) => append(text));
}

/**
 * Lets `write` fill a new directory and publishes it as `path`, which is replaced when it exists.
 * Whatever `write` throws leaves `path` as it was.
 */
export async function writeDirectoryDurably(
  path: string,
  write: (directory: string) => Promise<void>,
): Promise<void> {
  const parent = dirname(path);
  await makeFolderDurably(parent);
  const aside = join(parent, `${unfinishedPrefix}${randomUUID()}`);
  try {
    await mkdir(aside);
    await write(aside);
    await flushTree(aside);
    await removeDurably(path);
    await rename(aside, path);
    await flush(parent);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
}

/** Takes a directory out of sight in one step, then deletes it. Absent is fine. */
export async function removeDurably(path: string): Promise<void> {
  const aside = join(dirname(path), `${unfinishedPrefix}${randomUUID()}`);
  try {
    await rename(path, aside);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  // Or a power cut could give the old name back to a directory that has lost its files.
  await flush(dirname(path));
  await rm(aside, { recursive: true, force: true });
}

/** Deletes what earlier processes left unfinished in a directory. */
export async function removeUnfinished(directory: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    if (name.startsWith(unfinishedPrefix)) {
      await rm(join(directory, name), { recursive: true, force: true });
    }
  }
}

/**
 * Names in a directory in ascending order; none where it does not exist.
 * @throws MedixError where it cannot be read
 */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await entriesOf(directory)).map(({ name }) => name).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Turns what the file system refuses (no room, no permission) into an error that says how to resume. */
export async function storing<T>(
  where: string,
  write: () => Promise<T>,
  next = 'make room or grant access, then resume the run',
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const got = error instanceof MedixError ? undefined : refusalOf(error);
    if (got === undefined) throw error;
    fail(
      'run',
      {
        where,
        expected: 'a place that can be written',
        got,
        next,
      },
      error,
    );
  }
}

async function flushTree(directory: string): Promise<void> {
  for (const entry of await entriesOf(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await flushTree(path);
    else await flush(path);
  }
  await flush(directory);
}
