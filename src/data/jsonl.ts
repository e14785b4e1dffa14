import { messageOf } from '../core/errors.ts';
import type { DataFile } from './data-file.ts';
import type { RawRow } from './raw-row.ts';

/** Rows of a JSON Lines file, one line in memory at a time; blank lines are skipped but counted. */
export async function* readJsonLines(file: DataFile, signal?: AbortSignal): AsyncGenerator<RawRow> {
  let row = 0;
  for await (const line of linesOf(file.stream())) {
    signal?.throwIfAborted();
    if (line.trim() !== '') yield parseRow(line, row, 'line');
    row++;
  }
}

/** @param what names the text in the problem of one that is no row */
export function parseRow(text: string, row: number, what: 'line' | 'element'): RawRow {
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) {
      return { kind: 'fields', row, fields: fields as Record<string, unknown> };
    }
    return { kind: 'unreadable', row, problem: `the ${what} is no JSON object` };
  } catch (error) {
    return { kind: 'unreadable', row, problem: messageOf(error) };
  }
}

/** Splits at line feeds only: node:readline would also split at U+2028, which JSON text may hold. */
async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of stream) {
    const [first = '', ...lines] = decoder.decode(chunk, { stream: true }).split('\n');
    parts.push(first);
    for (const next of lines) {
      yield parts.join('');
      parts = [next];
    }
  }
  yield parts.join('') + decoder.decode();
}
