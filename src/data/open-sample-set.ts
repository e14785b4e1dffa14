/**
 * A data set of which any sample can be had by its number while its rows stay on disk. All rows are read once, so
 * that whatever is wrong with them is told before anything else is begun; what is kept is their places, and the
 * samples themselves where they are few. A permutation of the numbers is then a whole shuffle, which begins again
 * at any draw; a buffer of rows in the order of the files would be neither.
 */
import { createDigest } from '../core/digest.ts';
import { defined, fail, messageOf } from '../core/errors.ts';
import type { Sample } from '../core/sample.ts';
import type { DataFile } from './data-file.ts';
import { locate } from './locate.ts';
import type { RowsOfFile } from './raw-row.ts';
import { nothingUsable, type ReadOptions, type RejectedRows, withoutImages } from './read.ts';
import { type ReadOutcome, type RejectedRow, type RowReading, toOutcome } from './row.ts';
import { createRowIndex, type IndexedRow } from './row-index.ts';
import { openRows } from './rows-of-file.ts';
import { chooseColumnsOf, publicColumns, unseenColumns } from './sample-columns.ts';

export type OpenedSet = {
  readonly size: number;
  /** @throws MedixError 'data' where the row is no longer what it was */
  readonly at: (index: number) => Promise<Sample>;
  readonly rejected: RejectedRows;
  /** SHA-256 of the usable rows: their texts, and the names and sizes of their images. */
  readonly digest: string;
};

const defaultKeptBytes = 2 ** 26;
export type SetOptions = ReadOptions & {
  /** Usable rows after which no more are read. @default all */
  readonly limit?: number;
  /** Samples that take no more are kept in memory. @default 64 MiB */
  readonly keptBytes?: number;
  /** Folder where files of the hub are kept. @default nowhere: they are read in ranges again and again */
  readonly cache?: string;
};

/** Rejected rows that are kept for people. */
const shownRejections = 100;

/**
 * @throws MedixError as `readSamples`; where not one row is usable, with the first five; and where not one
 *   row has an image although `textOnly` is false
 */
export async function openSampleSet(
  location: string,
  {
    hub = {},
    signal,
    limit = Number.POSITIVE_INFINITY,
    keptBytes = defaultKeptBytes,
    cache,
    ...reading
  }: SetOptions = {},
): Promise<OpenedSet> {
  const files: OpenedFile[] = [];
  const index = createRowIndex();
  const kept = keepingFew(keptBytes);
  const digest = digestingRows();
  const rejected: RejectedRow[] = [];
  let rejections = 0;
  let isWithImages = false;
  const download = cache === undefined ? undefined : { cache, signal: signal ?? never };
  const located = locate(location, hub, download);
  const extent = () => (kept.isFull() ? 'checked' : 'read');
  for await (const { entry, outcome } of placedOutcomes(located, files, reading, extent)) {
    signal?.throwIfAborted();
    if (outcome.kind === 'rejected') {
      rejections++;
      if (rejected.length < shownRejections) rejected.push(outcome);
      continue;
    }
    const { sample } = outcome;
    index.add(entry);
    kept.add(sample);
    digest.add(sample);
    isWithImages ||= sample.images.length > 0;
    if (index.size() >= limit) break;
  }
  const size = index.size();
  const told = { first: rejected, count: rejections };
  if (size === 0) throw nothingUsable(location, told);
  if (reading.textOnly === false && !isWithImages) {
    throw withoutImages(location, size, told, reading.columns ?? publicColumns);
  }
  const readAgain = inTurn((number) => sampleAgain(index.at(number), files, reading));
  return {
    size,
    at: async (number) => kept.at(number) ?? readAgain(number),
    rejected: told,
    digest: digest.hex(),
  };
}

const never = new AbortController().signal;

type OpenedFile = { readonly file: DataFile; readonly rows: RowsOfFile };

/** @param files gets each file as it is opened */
async function* placedOutcomes(
  located: AsyncIterable<DataFile>,
  files: OpenedFile[],
  reading: RowReading,
  extent: () => 'read' | 'checked',
): AsyncGenerator<{ readonly entry: IndexedRow; readonly outcome: ReadOutcome }> {
  const { columns = publicColumns } = reading;
  for await (const file of located) {
    const unseen = unseenColumns(file, columns);
    const rows = await openRows(file, chooseColumnsOf(columns));
    const number = files.push({ file, rows }) - 1;
    for await (const { raw, place } of rows.scan()) {
      unseen.look(raw);
      const outcome = await toOutcome(file, raw, { ...reading, images: extent() });
      yield { entry: { file: number, row: raw.row, place }, outcome };
    }
    unseen.requireNone();
  }
}

/** Keeps samples until they are too many; then none. */
function keepingFew(most: number) {
  let samples: Sample[] | undefined = [];
  let bytes = 0;
  return {
    isFull: () => samples === undefined,
    add: (sample: Sample) => {
      bytes += bytesOf(sample);
      if (bytes > most) samples = undefined;
      samples?.push(sample);
    },
    at: (index: number) =>
      samples === undefined ? undefined : defined(samples[index], `sample ${index}`),
  };
}

/** About what a sample takes in memory. */
function bytesOf({ images, problem, referenceAnswer, accepted, demonstration = '' }: Sample) {
  let bytes = 500 + 2 * (problem.length + referenceAnswer.length + demonstration.length);
  for (const text of accepted) bytes += 2 * text.length;
  for (const image of images) bytes += image.bytes.length;
  return bytes;
}

/** Digests the rows; texts are joined first, since many small updates take longer than what they digest. */
function digestingRows() {
  const digest = createDigest();
  let texts = '';
  const flush = () => {
    digest.update(texts);
    texts = '';
  };
  return {
    add: (sample: Sample) => {
      const { id, source, problem, modality = '', referenceAnswer, accepted, images } = sample;
      texts += [id, source, problem, modality, referenceAnswer, ...accepted].join('\0');
      texts += `\0${sample.demonstration ?? ''}`;
      for (const { name, bytes } of images) texts += `\0${name}\0${bytes.length}`;
      texts += '\n';
      if (texts.length > 2 ** 16) flush();
    },
    hex: () => {
      flush();
      return digest.digest('hex');
    },
  };
}

async function sampleAgain(
  { file: number, row, place }: IndexedRow,
  files: readonly OpenedFile[],
  reading: RowReading,
): Promise<Sample> {
  const { file, rows } = defined(files[number], `file ${number} of the data set`);
  for (const other of files) if (other.rows !== rows) other.rows.release();
  const changed = (got: string): never =>
    fail('data', {
      where: `${file.name}: row ${row}`,
      expected: 'the row as it was when the run was opened',
      got,
      next: 'leave the data as they are while a run goes on; restore them, then resume the run',
    });
  const raw = await rows.at(row, place).catch((error: unknown) => changed(messageOf(error)));
  const outcome = await toOutcome(file, raw, reading);
  return outcome.kind === 'sample' ? outcome.sample : changed(outcome.problem);
}

/** One call after the other: a part of a file is in memory for one row at a time. */
function inTurn<T>(read: (index: number) => Promise<T>): (index: number) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (index) => {
    const next = last.then(() => read(index));
    last = next.catch(() => undefined);
    return next;
  };
}
