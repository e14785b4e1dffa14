import { parseExactJson } from '../core/exact-json.ts';
import { linesIn, longestLine } from '../core/lines.ts';
import { nameOf } from '../core/quoted.ts';
import { decodeUtf8 } from '../core/utf8.ts';
import type { DataFile } from './data-file.ts';
import type { PlacedRow, RawRow } from './raw-row.ts';

/** Rows of a JSON Lines file, one line in memory at a time; blank lines are skipped but counted. */
export async function* readJsonLines(file: DataFile, signal?: AbortSignal): AsyncGenerator<RawRow> {
  for await (const { raw } of placedLines(file)) {
    signal?.throwIfAborted();
    yield raw;
  }
}

/** As {@link readJsonLines}, each with its place in the file. */
export async function* placedLines(file: DataFile): AsyncGenerator<PlacedRow> {
  let row = 0;
  for await (const { offset, length, bytes } of linesIn(file.stream())) {
    const raw = parseRow(bytes, row++, 'line');
    if (raw !== undefined) yield { raw, place: { start: offset, length } };
  }
}

/**
 * @param bytes undefined where there were more than {@link longestLine}
 * @param what names the text in the problem of one that is no row
 * @returns undefined for nothing but white space
 */
export function parseRow(
  bytes: Uint8Array | undefined,
  row: number,
  what: 'line' | 'element',
): RawRow | undefined {
  const unreadable = (problem: string): RawRow => {
    return { kind: 'unreadable', row, problem: `the ${what} ${problem}` };
  };
  if (bytes === undefined) return unreadable(`is longer than ${longestLine} bytes`);
  const text = decodeUtf8(bytes, 'dropped');
  if (text === undefined) return unreadable('is not UTF-8 text');
  if (text.trim() === '') return undefined;
  const read = parseExactJson(text);
  if (read.kind === 'problem') return unreadable(read.problem);
  const { value } = read;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return unreadable(`is no JSON object but ${nameOf(value)}`);
  }
  return { kind: 'fields', row, fields: value as Record<string, unknown> };
}
