/** Files that appear whole or not at all, also after a power cut. */
import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Names with this prefix are unfinished or being deleted; readers pass over them. */
export const unfinishedPrefix = '.unfinished-';

/** Adds to the end of the file that is being written. */
export type Append = (data: string | Uint8Array) => Promise<void>;

/**
 * Lets `write` fill a file beside `path`, flushes it and renames it into place, over a file that is
 * there. Whatever `write` throws leaves `path` as it was.
 */
export async function writeAside(
  path: string,
  write: (append: Append) => Promise<void>,
): Promise<void> {
  const aside = join(dirname(path), `${unfinishedPrefix}${randomUUID()}`);
  const file = await open(aside, 'wx');
  try {
    try {
      await write((data) => file.appendFile(data));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
  await flush(dirname(path));
}

/** Forces a file's or directory's content to the disk; a rename is on the disk with its directory. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
