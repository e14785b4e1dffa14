/**
 * JSON that somebody else wrote, read without changing a value: integers beyond 2^53 become bigints with all
 * their digits, and what JavaScript would alter silently (a number beyond the range of doubles, half of a
 * surrogate pair) is a problem, as is text that is no JSON.
 */
import { messageOf } from './errors.ts';
import { oneLine } from './quoted.ts';

export type ExactJson =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'problem'; readonly problem: string };

/** Lists and objects within each other; what reads values recursively relies on it. */
const maxDepth = 200;

/** Never throws. A problem is one short line, e.g. `is no JSON: NaN, which JSON does not have`. */
export function parseExactJson(text: string): ExactJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const foreign = foreignWord(text);
    const reason = foreign ? `${foreign}, which JSON does not have` : messageOf(error);
    return { kind: 'problem', problem: `is no JSON: ${oneLine(reason)}` };
  }
  const problem = flawOf(value);
  if (problem !== undefined) return { kind: 'problem', problem };
  return { kind: 'value', value: /\d{16}/.test(text) ? withBigIntegers(text, value) : value };
}

/** The text that {@link parseExactJson} reads as this value: bigints keep their digits. */
export function exactJson(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'bigint' ? `${marker}${inner}` : inner,
  );
  return text.replaceAll(markedInteger, '$1');
}

/** A noncharacter, which no text should hold. */
const marker = '\uFDD0';
const markedInteger = new RegExp(`"${marker}(-?\\d+)"`, 'g');

/** What of a value could not be kept as it was written; undefined where nothing. */
function flawOf(value: unknown, depth = 0): string | undefined {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : 'has a number beyond 1e308';
  }
  if (typeof value === 'string') {
    // With the flag u, only halves without their other half are surrogates.
    return /\p{Surrogate}/u.test(value) ? 'has half a surrogate pair' : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > maxDepth) return `has lists and objects more than ${maxDepth} deep`;
  for (const inner of Object.values(value)) {
    const flaw = flawOf(inner, depth + 1);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

/** @param value what the text is without this care */
function withBigIntegers(text: string, value: unknown): unknown {
  const unsafe: string[] = [];
  let mark = marker;
  while (text.includes(mark)) mark += marker;
  const marked = mapOutsideStrings(text, (part) =>
    part.replaceAll(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (number) => {
      if (!/^-?\d+$/.test(number) || Number.isSafeInteger(Number(number))) return number;
      unsafe.push(number);
      return `"${mark}${number}"`;
    }),
  );
  if (unsafe.length === 0) return value;
  return JSON.parse(marked, (_, inner: unknown) =>
    typeof inner === 'string' && inner.startsWith(mark) ? BigInt(inner.slice(mark.length)) : inner,
  );
}

/** The first NaN or Infinity that stands where a value should, as Python writes them. */
function foreignWord(text: string): string | undefined {
  let found: string | undefined;
  mapOutsideStrings(text, (part) => {
    found ??= /-?\b(?:NaN|Infinity)\b/.exec(part)?.[0];
    return part;
  });
  return found;
}

/** Replaces what stands between the strings of a JSON text. */
function mapOutsideStrings(text: string, change: (part: string) => string): string {
  const parts: string[] = [];
  let from = 0;
  for (;;) {
    const start = text.indexOf('"', from);
    if (start < 0) return [...parts, change(text.slice(from))].join('');
    const end = endOfString(text, start);
    parts.push(change(text.slice(from, start)), text.slice(start, end));
    from = end;
  }
}

/** The place after the quotation mark that closes the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; ; i++) {
    i = text.indexOf('"', i);
    if (i < 0) return text.length;
    let escapes = 0;
    while (text[i - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return i + 1;
  }
}
