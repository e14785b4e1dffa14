import {
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { fail, messageOf } from '../core/errors.ts';
import { listed, oneLine, quoted } from '../core/quoted.ts';
import { decodeUtf8 } from '../core/utf8.ts';
import type { DataFile } from './data-file.ts';
import { exactReader, parsers } from './parquet-values.ts';
import { columnNames, imageColumns, type RawRow, requiredColumns } from './raw-row.ts';

export type ChosenColumns = {
  /** Columns to read of those that a file has. */
  readonly read: readonly string[];
  /** Those of them whose bytes are images; in all others bytes are text. */
  readonly images: readonly string[];
};

/** Throws a MedixError where a column is missing. */
export type ChooseColumns = (file: DataFile, present: readonly string[]) => ChosenColumns;

/**
 * Rows of a parquet file, one row group in memory at a time; columns that nobody needs are not read.
 *
 * @param choose by default the columns that a training sample is made of
 * @throws MedixError where the file is damaged or lacks a required column
 */
export async function* readParquet(
  file: DataFile,
  signal?: AbortSignal,
  choose: ChooseColumns = chooseSampleColumns,
): AsyncGenerator<RawRow> {
  const metadata = await orDamaged(file, () => parquetMetadataAsync(file, { geoparquet: false }));
  const { read, images } = choose(file, namesOf(metadata));
  const { asStored, exactValue } = exactReader(metadata);
  const columns = [...read];
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    signal?.throwIfAborted();
    const rowEnd = rowStart + Number(group.num_rows);
    const place = { file, metadata: asStored, columns, rowStart, rowEnd };
    const rows =
      rowStart === rowEnd
        ? []
        : await orDamaged(file, () =>
            parquetReadObjects({ ...place, compressors: codecs, parsers, utf8: false }),
          );
    for (const [i, fields] of rows.entries()) {
      yield withTexts(rowStart + i, exactValue(fields), images);
    }
    rowStart = rowEnd;
  }
}

function namesOf(metadata: FileMetaData): string[] {
  return parquetSchema(metadata).children.map(({ element }: SchemaTree) => element.name);
}

function chooseSampleColumns(file: DataFile, present: readonly string[]): ChosenColumns {
  const missing = requiredColumns.filter((name) => !present.includes(name));
  if (missing.length > 0) {
    fail('data', {
      where: file.name,
      expected: `the columns ${requiredColumns.join(' and ')}`,
      got: `no ${missing.join(' and no ')}; its columns are ${listed(present)}`,
      next: 'rename or add the column',
    });
  }
  const known = columnNames.filter((name) => present.includes(name));
  if (imageColumns.some((name) => known.includes(name))) {
    return { read: known, images: imageColumns };
  }
  // Without a column of images, whoever checks the rows wants to know whether another one holds them.
  const others = present.filter((name) => !known.includes(name));
  return { read: [...known, ...others], images: [...imageColumns, ...others] };
}

/** Decodes texts whose column is not marked as UTF-8. */
function withTexts(
  row: number,
  fields: Readonly<Record<string, unknown>>,
  images: readonly string[],
): RawRow {
  const decoded: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const text = images.includes(name) ? value : decodeTexts(value);
    if (text === notText) {
      return { kind: 'unreadable', row, problem: `column ${quoted(name, 60)} is not UTF-8 text` };
    }
    decoded[name] = text;
  }
  return { kind: 'fields', row, fields: decoded };
}

const notText = Symbol('bytes that are no text');

function decodeTexts(value: unknown): unknown {
  if (value instanceof Uint8Array) return decodeUtf8(value) ?? notText;
  if (Array.isArray(value)) {
    const items = value.map(decodeTexts);
    return items.includes(notText) ? notText : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, decodeTexts(item)] as const);
  return entries.some(([, item]) => item === notText) ? notText : Object.fromEntries(entries);
}

/** Pages of nothing but nulls are empty, which not every decompressor understands. */
const codecs: typeof compressors = Object.fromEntries(
  Object.entries(compressors).map(([codec, decompress]) => [
    codec,
    (input: Uint8Array, length: number) =>
      length === 0 ? new Uint8Array() : decompress(input, length),
  ]),
);

async function orDamaged<T>(file: DataFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    return fail(
      'data',
      {
        where: file.name,
        expected: 'a whole parquet file',
        got: `${file.byteLength} bytes that cannot be read: ${oneLine(messageOf(error))}`,
        next: 'download or write the file again',
      },
      error,
    );
  }
}
