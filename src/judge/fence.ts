/** Breaks what a server or a reader of replies would take for a mark of a turn, a role or a thought. */
import { turnMarks } from './turn-marks.ts';

/**
 * Raised whenever more or less is broken; part of the digest of judges of rewards, which remember verdicts by
 * answers. Grades of evaluations are remembered by all that was shown, so they need none.
 */
export const fenceVersion = 2;

/** What most marks have in common: a bracket right before a letter, a bar or a slash. */
const opener = /[<＜[［◁](?=[\p{L}_|｜/])/gu;

const others = turnMarks
  .flatMap(({ marks }) => marks)
  .filter((mark) => mark.replace(opener, '$& ') === mark);

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Looked at from their first character and from their colon, since marks may overlap. */
const beginnings = new RegExp(
  others
    .filter((mark) => !mark.endsWith(':'))
    .map((mark) => `${literal(mark.slice(0, 1))}(?=${literal(mark.slice(1))})`)
    .join('|'),
  'g',
);
const colons = new RegExp(
  others
    .filter((mark) => mark.endsWith(':'))
    .map((mark) => `(?<=${literal(mark.slice(0, -1))}):`)
    .join('|'),
  'g',
);

/**
 * The line around an answer in a prompt. It comes from the digest of the whole item, the answer included: to
 * close its own fence, an answer would have to contain 96 bits of its own SHA-256. That needs no secret, and
 * the same item is asked with the same bytes in every run.
 */
export function fenceLine(key: string): string {
  return `=== ${key.slice(0, 24)} ===`;
}

/** The text with a space in every mark, so that it is one no longer. Comparisons and ranges stay as they are. */
export function withoutMarks(text: string): string {
  return text.replace(opener, '$& ').replace(beginnings, '$& ').replace(colons, ' :');
}
