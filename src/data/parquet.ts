import {
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { defined, fail, messageOf } from '../core/errors.ts';
import { oneLine, quoted } from '../core/quoted.ts';
import { decodeUtf8 } from '../core/utf8.ts';
import type { DataFile } from './data-file.ts';
import { exactReader, parsers } from './parquet-values.ts';
import type { ChooseColumns, RawRow, RowsOfFile } from './raw-row.ts';
import { chooseColumnsOf, publicColumns } from './sample-columns.ts';

/**
 * Rows of a parquet file, a part of a row group in memory at a time; columns that nobody needs are not read.
 *
 * @param choose by default the columns that a training sample is made of
 * @throws MedixError where the file is damaged or lacks a required column
 */
export async function* readParquet(
  file: DataFile,
  signal?: AbortSignal,
  choose: ChooseColumns = chooseColumnsOf(publicColumns),
): AsyncGenerator<RawRow> {
  const { scan } = await openParquet(file, choose);
  for await (const { raw } of scan()) {
    signal?.throwIfAborted();
    yield raw;
  }
}

/** Rows that are read together: those of a row group, or a part of them. */
type Part = { readonly file: DataFile; readonly rowStart: number; readonly rowEnd: number };

/**
 * The rows of a parquet file, in order or one alone. To read one alone takes as long as to read its part of the
 * file, which is kept until a row of another is asked for.
 *
 * @throws MedixError where the file is damaged or `choose` throws
 */
export async function openParquet(file: DataFile, choose: ChooseColumns): Promise<RowsOfFile> {
  const metadata = await orDamaged(file, () => parquetMetadataAsync(file, { geoparquet: false }));
  const { read, images } = choose(file, namesOf(metadata));
  const { asStored, exactValue } = exactReader(metadata);
  const columns = [...read];
  const options = { metadata: asStored, columns, compressors: codecs, parsers, utf8: false };
  const readPart = (part: Part) =>
    orDamaged(file, () => parquetReadObjects({ ...options, ...part, useOffsetIndex: true }));
  const rowAt = (row: number, fields: Fields) => withTexts(row, exactValue(fields), images);
  const parts = () => partsOf(file, metadata, columns);
  let kept: { readonly part: Part; readonly rows: readonly Fields[] } | undefined;
  return {
    scan: async function* () {
      for (const part of parts()) {
        for (const [i, fields] of (await readPart(part)).entries()) {
          const row = part.rowStart + i;
          yield { raw: rowAt(row, fields), place: { start: row, length: 0 } };
        }
      }
    },
    at: async (_, { start: row }) => {
      const isIn = ({ rowStart, rowEnd }: Part) => rowStart <= row && row < rowEnd;
      if (kept === undefined || !isIn(kept.part)) {
        kept = undefined;
        const part = defined([...parts()].find(isIn), `row ${row} of ${file.name}`);
        kept = { part, rows: await readPart(part) };
      }
      return rowAt(row, defined(kept.rows[row - kept.part.rowStart], `row ${row}`));
    },
    release: () => {
      kept = undefined;
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** A part holds no more rows, and about no more bytes, where its columns can be read in parts at all. */
const mostPartRows = 8192;
const mostPartBytes = 2 ** 25;

function* partsOf(
  file: DataFile,
  metadata: FileMetaData,
  columns: readonly string[],
): Generator<Part> {
  const nested = new Set(
    parquetSchema(metadata)
      .children.filter(({ children, element }) => {
        return (
          columns.includes(element.name) &&
          (children.length > 0 || element.repetition_type === 'REPEATED')
        );
      })
      .map(({ element }) => element.name),
  );
  let start = 0;
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows);
    const end = start + rows;
    const chunks = group.columns.filter(({ meta_data: chunk }) =>
      columns.includes(chunk?.path_in_schema[0] ?? ''),
    );
    // Lists are read to the end of their row group, unless the file says where their pages are.
    const isDivisible = chunks.every(
      ({ meta_data: chunk, offset_index_offset: index }) =>
        index !== undefined || !nested.has(chunk?.path_in_schema[0] ?? ''),
    );
    const bytes = chunks.reduce(
      (sum, { meta_data: chunk }) => sum + Number(chunk?.total_uncompressed_size ?? 0),
      0,
    );
    const fitting = Math.floor((mostPartBytes * rows) / Math.max(bytes, 1));
    const size = isDivisible ? Math.max(1, Math.min(mostPartRows, fitting)) : rows;
    const remembering = size < rows ? rememberSlices(file) : file;
    for (let rowStart = start; rowStart < end; rowStart += size) {
      yield { file: remembering, rowStart, rowEnd: Math.min(rowStart + size, end) };
    }
    start = end;
  }
}

/** The same columns are read for one part after the other. */
function rememberSlices(file: DataFile): DataFile {
  const slices = new Map<string, Promise<ArrayBuffer>>();
  return {
    ...file,
    slice: (from, to) => {
      const key = `${from}-${to}`;
      const slice = slices.get(key) ?? file.slice(from, to);
      slices.set(key, slice);
      return slice;
    },
  };
}

function namesOf(metadata: FileMetaData): string[] {
  return parquetSchema(metadata).children.map(({ element }: SchemaTree) => element.name);
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
