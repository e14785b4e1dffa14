/** A zip file written piece by piece, the same bytes for the same content wherever and whenever. */
import { Zip, ZipDeflate, ZipPassThrough } from 'fflate';
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
  return {
    folder: async (path) => {
      const entry = new ZipPassThrough(path);
      entry.mtime = earliest();
      zip.add(entry);
      entry.push(new Uint8Array(), true);
      await drain();
    },
    file: async (path, content) => {
      const entry = new ZipDeflate(path, { level: 6 });
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
