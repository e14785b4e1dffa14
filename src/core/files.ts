/**
 * The one way to read files and folders that a user, a config or data name. Only regular files are read, up to
 * the length that they have when they are opened: a pipe would be waited for, a device never ends. Whole files
 * are bounded, since they fill the memory.
 *
 * Whatever is refused is a MedixError about the path; {@link reading} says better what it was wanted for.
 */
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath, stat, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Asked, isMissing, reading, refusalCode, UnfitFile } from './reading.ts';
import { decodeUtf8 } from './utf8.ts';

/** Bytes of a file that is read as a whole. Tokenizers of a million tokens are a tenth of it. */
const mostBytes = 2 ** 28;

const pieceBytes = 2 ** 18;

export type Path = string | URL;

/** `~` at the start of what a user wrote is the home directory. */
export function fromHome(path: string): string {
  return path.replace(/^~(?=$|[\\/])/, homedir());
}

/** What stands at a path, symbolic links followed. `other` is a pipe, socket or device. */
export type Found = 'file' | 'folder' | 'other' | 'missing';

/** @throws MedixError where that cannot be known, as without permission or in a circle of links */
export async function foundAt(path: Path): Promise<Found> {
  return reading(askedOf(path, 'a file or folder that can be read'), async () => {
    try {
      const found = await stat(path);
      if (found.isDirectory()) return 'folder';
      return found.isFile() ? 'file' : 'other';
    } catch (error) {
      const code = refusalCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
      throw error;
    }
  });
}

/** What {@link foundAt} finds, in words. */
export const foundNames: Readonly<Record<Found, string>> = {
  file: 'a file',
  folder: 'a folder',
  other: 'a pipe, socket or device',
  missing: 'no such file or folder',
};

/** What has the name itself: a symbolic link counts wherever it leads, also to nothing. */
export async function linkAt(path: string): Promise<'link' | 'entry' | 'missing'> {
  return reading(askedOf(path, 'a path that can be looked at'), async () => {
    try {
      return (await lstat(path)).isSymbolicLink() ? 'link' : 'entry';
    } catch (error) {
      if (isMissing(error)) return 'missing';
      throw error;
    }
  });
}

/** Where a path leads, symbolic links followed. */
export async function realPathOf(path: string): Promise<string> {
  return reading(askedOf(path, 'a path that can be followed'), () => realpath(path));
}

/** Bytes of a regular file. */
export async function lengthOf(path: string): Promise<number> {
  const file = await openRegular(path);
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

/** Free bytes of the disk that a folder is on. */
export async function freeBytesAt(folder: string): Promise<number> {
  const asked = askedOf(folder, 'a folder that can be read');
  const { bavail, bsize } = await reading(asked, () => statfs(folder));
  return bavail * bsize;
}

/** What is in a folder, in the system's order. */
export async function entriesOf(folder: Path): Promise<Dirent[]> {
  return reading(askedOf(folder, aFolder), () => readdir(folder, { withFileTypes: true }));
}

/** As {@link entriesOf}, with all that is below its folders; links to folders are not followed. */
export async function entriesBelow(folder: Path): Promise<Dirent[]> {
  const options = { withFileTypes: true, recursive: true } as const;
  return reading(askedOf(folder, aFolder), () => readdir(folder, options));
}

const aFolder = 'a folder that can be read';

const nonBlocking = constants.O_NONBLOCK ?? 0;
const readFlags = constants.O_RDONLY | nonBlocking;

/**
 * Opens a regular file, without waiting for anything. The caller closes it.
 * @param links `refused` where the last part of the path may be no symbolic link. @default followed
 */
export async function openRegular(
  path: Path,
  links: 'followed' | 'refused' = 'followed',
): Promise<FileHandle> {
  const flags = links === 'followed' ? readFlags : readFlags | (constants.O_NOFOLLOW ?? 0);
  return reading(askedOf(path), async () => {
    // To open a device can set it to work; what it is, is looked at again on what was opened.
    requireRegular(await stat(path));
    return opened(path, flags);
  });
}

/**
 * Opens a regular file whose writes go to its end, made where it is not there. The caller closes it.
 * Rejects as the system does or with an {@link UnfitFile}, since whoever stores says what for.
 */
export async function openToAppend(path: string): Promise<FileHandle> {
  const before = await stat(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (before) requireRegular(before);
  return opened(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | nonBlocking);
}

async function opened(path: Path, flags: number): Promise<FileHandle> {
  const file = await open(path, flags);
  try {
    requireRegular(await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function requireRegular(found: { isFile(): boolean; isDirectory(): boolean }): void {
  if (found.isFile()) return;
  throw new UnfitFile(found.isDirectory() ? foundNames.folder : foundNames.other);
}

/** @param most bytes; a longer file is refused. @default 2^28 */
export async function readBytes(path: Path, most = mostBytes): Promise<Buffer<ArrayBuffer>> {
  const file = await openRegular(path);
  try {
    return await reading(askedOf(path), async () => {
      const { size } = await file.stat();
      if (size > most) throw new UnfitFile(`a file of ${size} bytes, over ${most}`);
      const bytes = Buffer.alloc(size);
      return bytes.subarray(0, await readInto(file, bytes, 0));
    });
  } finally {
    await file.close();
  }
}

/**
 * The text of a UTF-8 file, its byte order mark kept.
 * @param most bytes; a longer file is refused. @default 2^28
 */
export async function readText(path: Path, most = mostBytes): Promise<string> {
  const text = decodeUtf8(await readBytes(path, most));
  if (text !== undefined) return text;
  return reading(askedOf(path), () => Promise.reject(new UnfitFile('bytes that are not UTF-8')));
}

/** The bytes of a file in pieces, up to the length that it has now. */
export async function* streamFile(path: Path): AsyncGenerator<Buffer<ArrayBuffer>> {
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    const pieces = piecesOf(file, 0, size);
    while (true) {
      const next = await reading(askedOf(path), () => pieces.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await file.close();
  }
}

/** The bytes between two places of an open file; fewer where it ends before. */
export async function* piecesOf(
  file: FileHandle,
  start: number,
  end: number,
): AsyncGenerator<Buffer<ArrayBuffer>> {
  for (let at = start; at < end; ) {
    const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, end - at));
    const length = await readInto(file, piece, at);
    if (length === 0) return;
    at += length;
    yield piece.subarray(0, length);
  }
}

/** Fills a buffer from a place in a file; less where the file ends. @returns bytes that were read */
export async function readInto(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    // One read is limited to 2 GiB by Linux.
    const length = Math.min(bytes.length - done, 2 ** 30);
    const { bytesRead } = await file.read(bytes, done, length, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

function askedOf(path: Path, expected = 'a file that can be read'): Asked {
  const where = typeof path === 'string' ? path : fileURLToPath(path);
  return { boundary: 'data', where, expected, next: 'correct the path or grant access' };
}
