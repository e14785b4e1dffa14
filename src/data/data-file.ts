import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail } from '../core/errors.ts';

/** A file of rows, local or remote, of which any part can be had without the rest. */
export type DataFile = {
  /** Path or address, for messages. */
  readonly name: string;
  readonly format: 'parquet' | 'jsonl';
  readonly byteLength: number;
  /** Folder that relative image paths start from; remote files have none. */
  readonly folder?: string;
  /** Bytes from `start` up to, without, `end`; to the end of the file where `end` is left out. */
  readonly slice: (start: number, end?: number) => Promise<ArrayBuffer>;
  readonly stream: () => AsyncIterable<Uint8Array>;
};

/** The format that a file name stands for, if it is one we read. */
export function formatOf(name: string): DataFile['format'] | undefined {
  if (name.endsWith('.parquet')) return 'parquet';
  return name.endsWith('.jsonl') ? 'jsonl' : undefined;
}

/** @throws MedixError where it is no regular file; the system's error where it cannot be found */
export async function localFile(path: string, format: DataFile['format']): Promise<DataFile> {
  const found = await stat(path);
  const { size } = found;
  if (!found.isFile()) {
    fail('data', {
      where: path,
      expected: 'a file',
      got: found.isDirectory() ? 'a folder' : 'a pipe or device',
      next: 'give a file',
    });
  }
  return {
    name: path,
    format,
    byteLength: size,
    folder: dirname(path),
    slice: (start, end = size) => readPart(path, start, end),
    stream: () => createReadStream(path),
  };
}

async function readPart(path: string, start: number, end: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(end - start);
  const handle = await open(path);
  try {
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
      if (bytesRead === 0) throw new Error(`the file ends before byte ${end}`);
      done += bytesRead;
    }
  } finally {
    await handle.close();
  }
  return bytes.buffer;
}
