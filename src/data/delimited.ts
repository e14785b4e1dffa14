/**
 * Rows of CSV and TSV files as RFC 4180 has them: a header, fields that may stand between quotation marks, which
 * are doubled within. One record is in memory at a time, and each has its place in the file, so that it can be
 * read again alone. Empty fields are null. Knows nothing about what the rows mean.
 */
import { fail } from '../core/errors.ts';
import { createGathering, linesIn, longestLine } from '../core/lines.ts';
import { listed, quoted } from '../core/quoted.ts';
import { decodeUtf8 } from '../core/utf8.ts';
import type { DataFile, DataFormat } from './data-file.ts';
import type { PlacedRow, RawRow } from './raw-row.ts';

const delimiters = { csv: ',', tsv: '\t' } as const;

type DelimitedFormat = keyof typeof delimiters;

export function isDelimited(format: DataFormat): format is DelimitedFormat {
  return format in delimiters;
}

/** The names in a file's header, in order. */
export async function readHeader(file: DataFile, format: DelimitedFormat): Promise<string[]> {
  for await (const { bytes } of recordsIn(file.stream(), delimiters[format])) {
    const text = bytes && decodeUtf8(bytes, 'dropped');
    if (text === undefined) break;
    const cells = cellsOf(text, delimiters[format]);
    if (typeof cells === 'string') break;
    const names = cells.map((name) => name.trim());
    const repeated = names.filter((name, i) => names.indexOf(name) !== i);
    if (repeated.length === 0) return names;
    return failHeader(file, `${listed(repeated)} twice`);
  }
  return failHeader(file, file.byteLength === 0 ? 'an empty file' : 'none that can be read');
}

/** @param header the names of the fields */
export async function* placedRecords(
  file: DataFile,
  format: DelimitedFormat,
  header: readonly string[],
): AsyncGenerator<PlacedRow> {
  let row = -1;
  for await (const { offset, length, bytes } of recordsIn(file.stream(), delimiters[format])) {
    if (row === -1) {
      row = 0;
      continue;
    }
    const raw = recordRow(bytes, row, format, header);
    if (raw === undefined) continue;
    yield { raw, place: { start: offset, length } };
    row++;
  }
}

/** @returns undefined for an empty record */
export function recordRow(
  bytes: Uint8Array | undefined,
  row: number,
  format: DelimitedFormat,
  header: readonly string[],
): RawRow | undefined {
  const unreadable = (problem: string): RawRow => ({ kind: 'unreadable', row, problem });
  if (bytes === undefined) {
    return unreadable(`the record is longer than ${longestLine} bytes: is a quotation mark open?`);
  }
  const text = decodeUtf8(bytes);
  if (text === undefined) return unreadable('the record is not UTF-8 text');
  if (text.trim() === '') return undefined;
  const cells = cellsOf(text, delimiters[format]);
  if (typeof cells === 'string') return unreadable(cells);
  if (cells.length !== header.length) {
    return unreadable(`the record has ${cells.length} fields, the header ${header.length}`);
  }
  const fields: Record<string, unknown> = {};
  for (const [i, name] of header.entries()) fields[name] = cells[i] === '' ? null : cells[i];
  return { kind: 'fields', row, fields };
}

type ByteRecord = {
  readonly offset: number;
  readonly length: number;
  /** Undefined where there are more than a record may have. */
  readonly bytes: Uint8Array | undefined;
};

/** Records without the line end that closes them; a line end between quotation marks closes none. */
async function* recordsIn(
  pieces: AsyncIterable<Uint8Array>,
  delimiter: string,
): AsyncGenerator<ByteRecord> {
  const follow = createQuoteScanner(delimiter.charCodeAt(0));
  const gathering = createGathering();
  let offset = 0;
  let isOpen = false;
  let end = 0;
  for await (const line of linesIn(pieces)) {
    if (!isOpen) offset = line.offset;
    end = line.offset + line.length;
    const staysOpen = line.bytes === undefined || follow(line.bytes);
    if (!isOpen && !staysOpen) {
      yield { offset, length: line.length, bytes: line.bytes };
      continue;
    }
    if (isOpen) gathering.add(lineEnd);
    if (line.bytes) gathering.add(line.bytes);
    isOpen = staysOpen;
    if (!isOpen) yield { offset, length: end - offset, bytes: gathering.take() };
  }
  if (isOpen) yield { offset, length: end - offset, bytes: gathering.take() };
}

const lineEnd = Uint8Array.of(0x0a);
const quoteCode = 0x22;
const returnCode = 0x0d;

/** Told one line after the other, says of each whether it ends between quotation marks. */
function createQuoteScanner(delimiter: number): (line: Uint8Array) => boolean {
  let isQuoted = false;
  return (line) => {
    for (let at = 0; ; ) {
      const next = isQuoted ? closingCode(line, at) : openingCode(line, at, delimiter);
      if (next < 0) return isQuoted;
      isQuoted = !isQuoted;
      at = next + 1;
    }
  };
}

/** The next quotation mark that begins a field. */
function openingCode(line: Uint8Array, from: number, delimiter: number): number {
  for (let i = line.indexOf(quoteCode, from); i >= 0; i = line.indexOf(quoteCode, i + 1)) {
    if (i === 0 || line[i - 1] === delimiter) return i;
  }
  return -1;
}

/** The next quotation mark that is not doubled. */
function closingCode(line: Uint8Array, from: number): number {
  for (let i = line.indexOf(quoteCode, from); i >= 0; i = line.indexOf(quoteCode, i + 2)) {
    if (line[i + 1] !== quoteCode) return i;
  }
  return -1;
}

/** The fields of a record, or what is wrong with it. */
function cellsOf(record: string, delimiter: string): string[] | string {
  const text = record.charCodeAt(record.length - 1) === returnCode ? record.slice(0, -1) : record;
  if (!text.includes('"')) return text.split(delimiter);
  const cells: string[] = [];
  for (let at = 0; at <= text.length; ) {
    const cell = text[at] === '"' ? quotedCell(text, at, delimiter) : bareCell(text, at, delimiter);
    if (typeof cell === 'string') return cell;
    cells.push(cell.text);
    at = cell.end + 1;
  }
  return cells;
}

/** `end` is the place of the delimiter after it, or the end of the record. */
type Cell = { readonly text: string; readonly end: number };

function bareCell(text: string, start: number, delimiter: string): Cell {
  const found = text.indexOf(delimiter, start);
  const end = found < 0 ? text.length : found;
  return { text: text.slice(start, end), end };
}

function quotedCell(text: string, start: number, delimiter: string): Cell | string {
  const close = closingQuote(text, start);
  const shown = quoted(text.slice(start, start + 60), 40);
  if (close < 0) return `the field ${shown} has an open quotation mark`;
  const end = close + 1;
  if (end < text.length && text[end] !== delimiter) {
    return `the field ${shown} goes on after its closing quotation mark`;
  }
  return { text: text.slice(start + 1, close).replaceAll('""', '"'), end };
}

function closingQuote(text: string, open: number): number {
  for (let i = text.indexOf('"', open + 1); i >= 0; i = text.indexOf('"', i + 2)) {
    if (text[i + 1] !== '"') return i;
  }
  return -1;
}

function failHeader({ name }: DataFile, got: string): never {
  fail('data', {
    where: name,
    expected: 'a header: the names of the columns in the first line, each once',
    got,
    next: 'add or correct the first line, in UTF-8',
  });
}
