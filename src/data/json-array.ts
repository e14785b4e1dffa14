/**
 * Rows of a `.json` file, which on the hub is either one JSON array or, under a wrong name, JSON Lines.
 * One element is in memory at a time. Knows nothing about what the rows mean.
 */
import type { DataFile } from './data-file.ts';
import { parseRow, readJsonLines } from './jsonl.ts';
import type { RawRow } from './raw-row.ts';

export async function* readJson(file: DataFile, signal?: AbortSignal): AsyncGenerator<RawRow> {
  if ((await firstCharacter(file)) !== '[') {
    yield* readJsonLines(file, signal);
    return;
  }
  let row = 0;
  for await (const element of elementsOf(file.stream())) {
    signal?.throwIfAborted();
    yield parseRow(element, row, 'element');
    row++;
  }
}

async function firstCharacter(file: DataFile): Promise<string | undefined> {
  const start = await file.slice(0, Math.min(file.byteLength, 4096));
  return /\S/.exec(new TextDecoder().decode(start))?.[0];
}

/** The text of each element of the outermost array; of a file that is cut short, also the torn last one. */
async function* elementsOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const scan = createScanner();
  let parts: string[] = [];
  for await (const bytes of stream) {
    const chunk = decoder.decode(bytes, { stream: true });
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const seen = scan(chunk.charCodeAt(i));
      if (seen === 'inside') continue;
      parts.push(chunk.slice(from, i));
      const element = parts.join('');
      parts = [];
      from = i + 1;
      if (seen === 'element-end' && element.trim() !== '') yield element;
    }
    parts.push(chunk.slice(from));
  }
  const rest = parts.join('') + decoder.decode();
  if (rest.trim() !== '') yield rest;
}

type Seen = 'array-start' | 'element-end' | 'inside';

/** Follows the nesting of a JSON text character by character. */
function createScanner(): (code: number) => Seen {
  const isText = createTextScanner();
  let depth = 0;
  return (code) => {
    if (isText(code)) return 'inside';
    const before = depth;
    depth += nesting.get(code) ?? 0;
    if (before === 0 && depth === 1) return 'array-start';
    return depth === (code === comma ? 1 : 0) ? 'element-end' : 'inside';
  };
}

/** Whether a character stands within a string, where brackets and commas mean nothing. */
function createTextScanner(): (code: number) => boolean {
  let inString = false;
  let escaped = false;
  return (code) => {
    const wasInString = inString;
    if (code === quote && !escaped) inString = !inString;
    escaped = wasInString && code === backslash && !escaped;
    return wasInString;
  };
}

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
/** How brackets and braces change the depth. */
const nesting: ReadonlyMap<number, number> = new Map([
  [0x5b, 1],
  [0x7b, 1],
  [0x5d, -1],
  [0x7d, -1],
]);
