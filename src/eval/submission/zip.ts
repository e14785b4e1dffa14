/** A zip file written piece by piece, the same bytes for the same content wherever and whenever. */
import { Zip, ZipDeflate, ZipPassThrough } from 'fflate';
import { fail } from '../../core/errors.ts';
import type { Append } from '../../core/write-aside.ts';

export type ZipWriter = {
  /** @param path ends with a slash */
  folder(path: string): Promise<void>;
  file(
    path: string,
    content: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>,
  ): Promise<void>;
  /** Writes the directory; nothing may follow. */
  end(): Promise<void>;
};

/**
 * Names of files and models may be a stranger's: whoever unpacks the zip, on whatever system, must find all of
 * it in one folder. Backslashes, drives, control characters and dots at an end are replaced by `_`.
 */
function safePath(path: string): string {
  const parts = path
    .split('/')
    .map((part) =>
      part
        .replace(/[\\:*?"<>|\p{C}\p{Zl}\p{Zp}]/gu, '_')
        .replace(/[. ]+$/, (end) => '_'.repeat(end.length)),
    );
  return parts.join('/').replace(/^\/+/, '');
}

/** The earliest date a zip knows. Its fields hold local time, so that it is the same in every time zone. */
const earliest = () => new Date(1980, 0, 1);

export function createZip(append: Append): ZipWriter {
  const pieces: Uint8Array[] = [];
  const zip = new Zip((error, data) => {
    if (error) throw error;
    pieces.push(data);
  });
  const drain = async () => {
    for (const piece of pieces.splice(0)) await append(piece);
  };
  const taken = new Set<string>();
  const nameFor = (path: string) => {
    const name = safePath(path);
    if (taken.has(name)) failTaken(path);
    taken.add(name);
    return name;
  };
  return {
    folder: async (path) => {
      const entry = new ZipPassThrough(nameFor(path));
      entry.mtime = earliest();
      zip.add(entry);
      entry.push(new Uint8Array(), true);
      await drain();
    },
    file: async (path, content) => {
      const entry = new ZipDeflate(nameFor(path), { level: 6 });
      entry.mtime = earliest();
      zip.add(entry);
      for await (const piece of content) {
        entry.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
        await drain();
      }
      entry.push(new Uint8Array(), true);
      await drain();
    },
    end: async () => {
      zip.end();
      await drain();
    },
  };
}

function failTaken(path: string): never {
  fail('data', {
    where: `zip file: ${path}`,
    expected: 'names that differ in more than special characters',
    got: 'two of one name',
    next: 'rename one of the files',
  });
}
