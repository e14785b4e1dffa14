/**
 * Looks for a text in questions, right answers, tags, sources and completions of rollouts, whatever the case. It goes
 * over the bytes of the files, in which a text stands as JSON writes it, and reads a line as JSON only where the hit is
 * next to an escape.
 */
import { openRegular, readInto } from '../../core/files.ts';
import type { RolloutFile } from './rollout-file.ts';

/** The rows of a file that hold the text. One call at a time: the next one reads into the same memory. */
type TextSearch = (file: RolloutFile) => Promise<ReadonlySet<number>>;

/** What stands between the texts of a line. */
const fieldNames =
  '"question":"","reference":"","accepted":[""],"modality":"","source":"","images":[""],"completion":"';

/** Read at once. */
const pieceBytes = 2 ** 20;
/** Decoded at once: larger strings cost fresh pages of memory each. */
const windowBytes = 2 ** 16;

export function textSearch(text: string): TextSearch {
  const isInNoName = !fieldNames.includes(text.toLowerCase());
  const find = { pattern: patternOf(text), text, isInNoName };
  let memory = Buffer.alloc(0);
  return async (file) => {
    const rows = new Set<number>();
    const handle = await openRegular(file.path, 'refused').catch(() => undefined);
    if (handle === undefined) return rows;
    try {
      for (const { start, end, from, length } of piecesOf(file, 0, file.length, pieceBytes)) {
        if (memory.length < length) memory = Buffer.allocUnsafe(Math.max(length, pieceBytes));
        const read = await readInto(handle, memory.subarray(0, length), from);
        if (read < length) break;
        for (const one of piecesOf(file, start, end, windowBytes)) {
          const place = one.from - from;
          findIn(
            memory.toString('latin1', place, place + one.length),
            { file, ...one },
            find,
            rows,
          );
        }
      }
      return rows;
    } finally {
      await handle.close();
    }
  };
}

type Piece = {
  /** Rows, the last one excluded. */
  readonly start: number;
  readonly end: number;
  /** Bytes of the file. */
  readonly from: number;
  readonly length: number;
};

/** Whole lines, so that nothing is cut in two; longer than `most` only where one line is. */
function* piecesOf(
  { offset, bytes }: RolloutFile,
  first: number,
  last: number,
  most: number,
): Generator<Piece> {
  for (let start = first; start < last; ) {
    const from = offset.at(start);
    let end = start + 1;
    while (end < last && offset.at(end) + bytes.at(end) - from <= most) end++;
    yield { start, end, from, length: offset.at(end - 1) + bytes.at(end - 1) - from };
    start = end;
  }
}

/** Over bytes taken for Latin-1, in which a letter beyond ASCII is several: so no flag may fold their case. */
function patternOf(text: string): RegExp {
  const letters = [...text].map((letter) => {
    const forms = [letter, letter.toLowerCase(), letter.toUpperCase()];
    const single = new Set(forms.filter((form) => [...form].length === 1).map(bytesOf));
    return single.size === 1 ? [...single][0] : `(?:${[...single].join('|')})`;
  });
  return new RegExp(letters.join(''), 'g');
}

function bytesOf(letter: string): string {
  const written = Buffer.from(JSON.stringify(letter).slice(1, -1)).toString('latin1');
  return written.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

type Find = {
  readonly pattern: RegExp;
  readonly text: string;
  /** No name of a field holds the text. */
  readonly isInNoName: boolean;
};

function findIn(
  content: string,
  { file, start, end, from }: Piece & { readonly file: RolloutFile },
  find: Find,
  rows: Set<number>,
): void {
  const { pattern } = find;
  let row = start;
  pattern.lastIndex = 0;
  for (let hit = pattern.exec(content); hit !== null; hit = pattern.exec(content)) {
    while (row + 1 < end && file.offset.at(row + 1) - from <= hit.index) row++;
    const lineStart = file.offset.at(row) - from;
    const line = { content, start: lineStart, end: lineStart + file.bytes.at(row) };
    const found = lookedAt(line, hit.index, find);
    if (found === 'text') rows.add(row);
    // Found, or past all texts: the rest of the line says no more.
    if (found !== 'next') pattern.lastIndex = line.end;
  }
}

/** `next`: other hits in the line may be texts. */
function lookedAt(
  line: { readonly content: string; readonly start: number; readonly end: number },
  hit: number,
  find: Find,
): 'text' | 'next' | 'none' {
  const { content, start, end } = line;
  const first = content.indexOf('"question":"', start);
  if (hit < first && first < end) return 'next';
  if (hit >= content.lastIndexOf('","completionTokens":', end)) return 'none';
  if (isPartOfEscape(content, hit)) {
    return holds(content.slice(start, end), find.text) ? 'text' : 'none';
  }
  return isInText(content, first, hit, find) ? 'text' : 'next';
}

/** As in `\\n` and `\\u001b`. */
function isPartOfEscape(content: string, hit: number): boolean {
  return content.slice(Math.max(0, hit - 5), hit).includes('\\');
}

const names = /"(question|reference|accepted|rubric|reading|modality|source|images|completion)":/g;
const searched = new Set(['question', 'reference', 'accepted', 'modality', 'source', 'completion']);
const completionStart = '"completion":"';

/** Whether a hit between question and completion is in a text that is looked through. Quotes within texts are escaped. */
function isInText(content: string, first: number, hit: number, { isInNoName }: Find): boolean {
  const completion = content.indexOf(completionStart, first) + completionStart.length;
  if (hit >= completion && completion > first) return true;
  const name = [...content.slice(first, hit).matchAll(names)].at(-1)?.[1] ?? '';
  return searched.has(name) && (isInNoName || !isInName(content, hit));
}

/** What stands in quotes before a colon. */
function isInName(content: string, hit: number): boolean {
  let quote = content.indexOf('"', hit);
  while (content[quote - 1] === '\\') quote = content.indexOf('"', quote + 1);
  return content[quote + 1] === ':';
}

/** @param line bytes of UTF-8 taken for Latin-1 */
function holds(line: string, text: string): boolean {
  try {
    const read = JSON.parse(Buffer.from(line, 'latin1').toString());
    const { question, reference, accepted, modality, source, completion } = read;
    const texts = [question, reference, ...(accepted ?? []), modality, source, completion];
    const wanted = text.toLowerCase();
    return texts.some((one) => typeof one === 'string' && one.toLowerCase().includes(wanted));
  } catch {
    return false;
  }
}
