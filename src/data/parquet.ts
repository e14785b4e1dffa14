import {
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { fail, messageOf } from '../core/errors.ts';
import type { DataFile } from './data-file.ts';
import { columnNames, type RawRow, requiredColumns } from './raw-row.ts';

/** The columns to read of those that a file has. Throws a MedixError where one is missing. */
export type ChooseColumns = (file: DataFile, present: readonly string[]) => string[];

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
  const metadata = await orDamaged(file, () => parquetMetadataAsync(file));
  const columns = choose(file, namesOf(metadata));
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    signal?.throwIfAborted();
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await orDamaged(file, () =>
      parquetReadObjects({ file, metadata, columns, rowStart, rowEnd, compressors, utf8: false }),
    );
    for (const [i, fields] of rows.entries()) {
      yield { kind: 'fields', row: rowStart + i, fields: withDecodedTexts(fields) };
    }
    rowStart = rowEnd;
  }
}

function namesOf(metadata: FileMetaData): string[] {
  return parquetSchema(metadata).children.map(({ element }) => element.name);
}

function chooseSampleColumns(file: DataFile, present: readonly string[]): string[] {
  const missing = requiredColumns.filter((name) => !present.includes(name));
  if (missing.length > 0) {
    fail('data', {
      where: file.name,
      expected: `the columns ${requiredColumns.join(' and ')}`,
      got: `no ${missing.join(' and no ')}; its columns are ${present.join(', ')}`,
      next: 'rename or add the column',
    });
  }
  return columnNames.filter((name) => present.includes(name));
}

/** Texts whose column is not marked as UTF-8 come as bytes, and so do images, which stay. */
function withDecodedTexts(fields: Record<string, unknown>): Record<string, unknown> {
  const decoded = Object.entries(fields).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? new TextDecoder().decode(value) : value,
  ]);
  return Object.fromEntries(decoded);
}

async function orDamaged<T>(file: DataFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    return fail(
      'data',
      {
        where: file.name,
        expected: 'a whole parquet file',
        got: `${file.byteLength} bytes that cannot be read: ${messageOf(error)}`,
        next: 'download or write the file again',
      },
      error,
    );
  }
}
