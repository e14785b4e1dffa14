/**
 * A file that is downloaded in parts and appears only once its digest is right. What has come stays in
 * `<name>.part` for the next try. Two processes that download the same file write the same bytes to the same
 * places, so that neither harms the other.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createDigest, createGitDigest } from '../../core/digest.ts';
import { fail } from '../../core/errors.ts';
import { foundAt, lengthOf } from '../../core/files.ts';
import { isMissing } from '../../core/reading.ts';
import { flush } from '../../core/write-aside.ts';
import type { Sink, Site, SiteFailure } from '../../http/site.ts';
import { storing } from '../../run/durable.ts';
import type { HubFile } from './hub-listing.ts';

const roomNext =
  'make room or grant access, then run the command again: it goes on where it stopped';

/** Bytes of what is there that are read at once to go on with the digest. */
const readBytes = 1 << 22;

/** Whether the file is there, whole. Its content was checked when it came. */
export async function isThere(path: string, { size }: HubFile): Promise<boolean> {
  return (await lengthAt(path)) === size;
}

/** Bytes of the file that have come. */
export async function bytesThere(path: string, file: HubFile): Promise<number> {
  if (await isThere(path, file)) return file.size;
  const part = (await lengthAt(partOf(path))) ?? 0;
  return part > file.size ? 0 : part;
}

/** Undefined where no file is. */
async function lengthAt(path: string): Promise<number | undefined> {
  return (await foundAt(path)) === 'file' ? lengthOf(path) : undefined;
}

/**
 * @param from path of the file at the site
 * @param onBytes hears of bytes as they come
 * @returns undefined once it is there
 * @throws MedixError 'model' where the digest is wrong, 'run' where the disk does not take it
 */
export async function receiveFile(
  site: Site,
  from: string,
  path: string,
  file: HubFile,
  signal: AbortSignal,
  onBytes: (count: number) => void,
): Promise<SiteFailure | undefined> {
  if (await isThere(path, file)) return undefined;
  const part = partOf(path);
  const handle = await storing(part, () => openForParts(part), roomNext);
  try {
    const { sink, digest } = await resumedSink(handle, part, file, onBytes);
    const reply = await site.file(from, file.size, sink, signal);
    signal.throwIfAborted();
    if (reply.kind === 'failed') return reply;
    await storing(part, () => handle.sync(), roomNext);
    const got = sink.length() === file.size ? digest() : `more than ${file.size} bytes`;
    if (got !== file.digest.hex) await discard(part, from, file, got);
  } finally {
    await handle.close();
  }
  await storing(path, () => publish(part, path, file), roomNext);
  return undefined;
}

function partOf(path: string): string {
  return `${path}.part`;
}

async function openForParts(part: string): Promise<FileHandle> {
  // Neither `w` nor `a`: what is there stays, and is gone on with at a place of our own.
  return open(part, 'r+').catch((error: unknown) => {
    if (isMissing(error)) return open(part, 'w+');
    throw error;
  });
}

async function resumedSink(
  handle: FileHandle,
  part: string,
  { size, digest: { kind } }: HubFile,
  onBytes: (count: number) => void,
): Promise<{ readonly sink: Sink; readonly digest: () => string }> {
  const begin = () => (kind === 'sha256' ? createDigest() : createGitDigest(size));
  let hash = begin();
  let length = 0;
  const { size: there } = await handle.stat();
  const buffer = new Uint8Array(readBytes);
  while (there <= size && length < there) {
    const count = Math.min(readBytes, there - length);
    const { bytesRead } = await handle.read(buffer, 0, count, length);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    length += bytesRead;
  }
  const restart = async () => {
    hash = begin();
    onBytes(-length);
    length = 0;
  };
  if (there > size) await storing(part, () => handle.truncate(0), roomNext);
  const append = async (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; ) {
      const write = () => handle.write(bytes, done, bytes.length - done, length + done);
      done += (await storing(part, write, roomNext)).bytesWritten;
    }
    hash.update(bytes);
    length += bytes.length;
    onBytes(bytes.length);
  };
  return {
    sink: { length: () => length, append, restart },
    digest: () => hash.digest('hex'),
  };
}

async function discard(part: string, from: string, file: HubFile, got: string): Promise<never> {
  await rm(part, { force: true });
  return fail('model', {
    where: from,
    expected: `${file.size} bytes with the digest ${file.digest.hex}`,
    got,
    next: 'what was downloaded has been deleted; run the command again, and check network, proxy and HF_ENDPOINT if it happens again',
  });
}

async function publish(part: string, path: string, file: HubFile): Promise<void> {
  await rename(part, path).catch(async (error: unknown) => {
    // Another process was faster.
    if (!(isMissing(error) && (await isThere(path, file)))) throw error;
  });
  await flush(dirname(path));
}
