/** The rows of a file, by its format. */
import type { DataFile } from './data-file.ts';
import { isDelimited, placedRecords, readHeader, recordRow } from './delimited.ts';
import { placedElements } from './json-array.ts';
import { parseRow, placedLines } from './jsonl.ts';
import { openParquet } from './parquet.ts';
import type { ChooseColumns, RawRow, RowPlace, RowsOfFile } from './raw-row.ts';

/**
 * @param choose hears of the columns of a file whose rows all have the same; it may throw where one is missing
 * @throws MedixError where the file is damaged or `choose` throws
 */
export async function openRows(file: DataFile, choose: ChooseColumns): Promise<RowsOfFile> {
  const { format } = file;
  if (format === 'parquet') return openParquet(file, choose);
  if (isDelimited(format)) {
    const header = await readHeader(file, format);
    choose(file, header);
    return textRows(file, {
      scan: () => placedRecords(file, format, header),
      parse: (bytes, row) => recordRow(bytes, row, format, header),
    });
  }
  const isLines = format === 'jsonl';
  return textRows(file, {
    scan: () => (isLines ? placedLines(file) : placedElements(file)),
    parse: (bytes, row) => parseRow(bytes, row, isLines ? 'line' : 'element'),
  });
}

/** As `openRows`, the rows alone. */
export async function* readRows(
  file: DataFile,
  choose: ChooseColumns,
  signal?: AbortSignal,
): AsyncGenerator<RawRow> {
  const rows = await openRows(file, choose);
  for await (const { raw } of rows.scan()) {
    signal?.throwIfAborted();
    yield raw;
  }
}

function textRows(
  file: DataFile,
  {
    scan,
    parse,
  }: {
    readonly scan: RowsOfFile['scan'];
    readonly parse: (bytes: Uint8Array, row: number) => RawRow | undefined;
  },
): RowsOfFile {
  return {
    scan,
    at: async (row: number, { start, length }: RowPlace) => {
      const bytes = new Uint8Array(await file.slice(start, start + length));
      return parse(bytes, row) ?? { kind: 'unreadable', row, problem: 'nothing is there' };
    },
    release: () => {},
  };
}
