import { parseExactJson } from '../core/exact-json.ts';
import { nameOf } from '../core/quoted.ts';
import { decodeUtf8 } from '../core/utf8.ts';
import type { DataFile } from './data-file.ts';
import type { RawRow } from './raw-row.ts';

/** Rows of a JSON Lines file, one line in memory at a time; blank lines are skipped but counted. */
export async function* readJsonLines(file: DataFile, signal?: AbortSignal): AsyncGenerator<RawRow> {
  let row = 0;
  for await (const line of linesOf(file.stream())) {
    signal?.throwIfAborted();
    const raw = parseRow(line, row++, 'line');
    if (raw !== undefined) yield raw;
  }
}

/**
 * @param bytes undefined where there were more than {@link maxRowBytes}
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
  if (bytes === undefined) return unreadable(`is longer than ${maxRowBytes} bytes`);
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

/** A row may hold images in base64; a file without line ends shall not fill the memory. */
const maxRowBytes = 2 ** 28;

/** Bytes that came in parts, up to {@link maxRowBytes} of them. */
export type Gathering = {
  add(part: Uint8Array): void;
  /** All that was added since the last call; undefined where it was too much. */
  take(): Uint8Array | undefined;
};

export function createGathering(): Gathering {
  let parts: Uint8Array[] = [];
  let size = 0;
  return {
    add: (part) => {
      size += part.length;
      if (size > maxRowBytes) parts = [];
      else parts.push(part);
    },
    take: () => {
      const taken = size > maxRowBytes ? undefined : Buffer.concat(parts);
      parts = [];
      size = 0;
      return taken;
    },
  };
}

const lineFeed = 0x0a;

/** Splits at line feeds only: node:readline would also split at U+2028, which JSON text may hold. */
async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array | undefined> {
  const line = createGathering();
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      line.add(chunk.subarray(start, end));
      yield line.take();
      start = end + 1;
    }
    line.add(chunk.subarray(start));
  }
  yield line.take();
}
