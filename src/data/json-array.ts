/**
 * Rows of a `.json` file, which on the hub is either one JSON array or, under a wrong name, JSON Lines.
 * One element is in memory at a time. Knows nothing about what the rows mean.
 */
import { createGathering } from '../core/lines.ts';
import type { DataFile } from './data-file.ts';
import { parseRow, placedLines } from './jsonl.ts';
import type { PlacedRow, RawRow, RowPlace } from './raw-row.ts';

export async function* readJson(file: DataFile, signal?: AbortSignal): AsyncGenerator<RawRow> {
  for await (const { raw } of placedElements(file)) {
    signal?.throwIfAborted();
    yield raw;
  }
}

/** As {@link readJson}, each with its place in the file. */
export async function* placedElements(file: DataFile): AsyncGenerator<PlacedRow> {
  if ((await firstCharacter(file)) !== '[') {
    yield* placedLines(file);
    return;
  }
  let row = 0;
  for await (const { bytes, place } of elementsOf(file.stream())) {
    const raw = parseRow(bytes, row, 'element');
    if (raw === undefined) continue;
    yield { raw, place };
    row++;
  }
}

async function firstCharacter(file: DataFile): Promise<string | undefined> {
  const start = await file.slice(0, Math.min(file.byteLength, 4096));
  return /\S/.exec(new TextDecoder().decode(start))?.[0];
}

type Element = { readonly bytes: Uint8Array | undefined; readonly place: RowPlace };

/** The bytes of each element of the outermost array; of a file that is cut short, also the torn last one. */
async function* elementsOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Element> {
  const scan = createScanner();
  const element = createGathering();
  let start = 0;
  let offset = 0;
  for await (const chunk of stream) {
    let from = 0;
    // No byte of a longer UTF-8 character is a bracket, comma or quotation mark.
    for (let i = 0; i < chunk.length; i++) {
      const seen = scan(chunk[i] as number);
      if (seen === 'inside') continue;
      element.add(chunk.subarray(from, i));
      const bytes = element.take();
      from = i + 1;
      const end = offset + i;
      if (seen === 'element-end') yield { bytes, place: { start, length: end - start } };
      start = end + 1;
    }
    element.add(chunk.subarray(from));
    offset += chunk.length;
  }
  yield { bytes: element.take(), place: { start, length: offset - start } };
}

type Seen = 'array-start' | 'element-end' | 'inside';

/** Follows the nesting of a JSON text byte by byte. */
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

/** Whether a byte stands within a string, where brackets and commas mean nothing. */
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
