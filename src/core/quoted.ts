/** Values that other people wrote, as they may stand in a message: on one line, short, safe to print. */

/** Controls, further line ends and marks of writing direction: a terminal would act on them. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Untrusted text between quotation marks on one line, cut after `limit` characters, safe to print. */
export function quoted(text: string, limit = 160): string {
  const characters = [...text.slice(0, 2 * limit)];
  const isCut = characters.length > limit || text.length > 2 * limit;
  const shown = isCut ? characters.slice(0, limit).join('') : text;
  const escaped = escapeUnprintable(JSON.stringify(shown));
  return isCut ? `${escaped}…` : escaped;
}

/** A message of another program on one line, cut after `limit` characters, safe to print. */
export function oneLine(text: string, limit = 160): string {
  const shown = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return escapeUnprintable(shown.replaceAll(/\s*\n\s*/g, ' '));
}

/** Names of columns or files after each other; of many the first 20. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => oneLine(name, 60));
  return names.length > 20 ? `${shown.join(', ')}, …` : shown.join(', ') || 'none';
}

/** What a value is, for people: `NaN`, `a list`, `the text "yes"`, …; never more than a short line. */
export function nameOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return `the text ${quoted(value, 60)}`;
  if (typeof value === 'boolean') return `the boolean ${value}`;
  if (typeof value === 'bigint') return `the number ${oneLine(String(value), 60)}`;
  if (typeof value === 'number')
    return Number.isFinite(value) ? `the number ${value}` : String(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return Array.isArray(value) ? 'a list' : 'an object';
}

function escapeUnprintable(text: string): string {
  return text.replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
