import { dirname } from 'node:path';
import { lengthOf, openRegular, readInto, streamFile } from '../core/files.ts';

export type DataFormat = 'parquet' | 'jsonl' | 'json' | 'csv' | 'tsv';

/** A file of rows, local or remote, of which any part can be had without the rest. */
export type DataFile = {
  /** Path or address, for messages. */
  readonly name: string;
  readonly format: DataFormat;
  readonly byteLength: number;
  /** Folder that relative image paths start from; remote files have none. */
  readonly folder?: string;
  /** Bytes from `start` up to, without, `end`; to the end of the file where `end` is left out. */
  readonly slice: (start: number, end?: number) => Promise<ArrayBuffer>;
  readonly stream: () => AsyncIterable<Uint8Array>;
};

/** The format that a file name stands for, if it is one we read. */
export function formatOf(name: string): DataFormat | undefined {
  const ending = /\.(parquet|jsonl|ndjson|json|csv|tsv)$/i.exec(name)?.[1]?.toLowerCase();
  return ending === 'ndjson' ? 'jsonl' : (ending as DataFormat | undefined);
}

/** Of the files of a folder, those that are rows by their name, before those that may also be something else. */
export function likelierFormats<T extends { readonly format: DataFormat }>(
  files: readonly T[],
): readonly T[] {
  const sure = files.filter(({ format }) => format === 'parquet' || format === 'jsonl');
  return sure.length > 0 ? sure : files;
}

/** @throws MedixError where it is not there, cannot be read or is no regular file */
export async function localFile(path: string, format: DataFormat): Promise<DataFile> {
  const size = await lengthOf(path);
  return {
    name: path,
    format,
    byteLength: size,
    folder: dirname(path),
    slice: (start, end = size) => readPart(path, start, end, size),
    stream: () => streamFile(path),
  };
}

async function readPart(
  path: string,
  start: number,
  end: number,
  size: number,
): Promise<ArrayBuffer> {
  // Before memory is taken for it: a damaged file may name any place.
  if (!(start >= 0 && start <= end && end <= size)) {
    throw new Error(`the file of ${size} bytes has no bytes from ${start} to ${end}`);
  }
  const bytes = new Uint8Array(end - start);
  const handle = await openRegular(path);
  try {
    const length = await readInto(handle, bytes, start);
    if (length < bytes.length) throw new Error(`the file ends before byte ${end}`);
  } finally {
    await handle.close();
  }
  return bytes.buffer;
}
