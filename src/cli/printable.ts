/**
 * Text on a terminal. Whatever it is made of, names, answers, files and replies of others may stand in it: an
 * escape sequence there could move the cursor, rewrite what was shown or change the terminal's settings, a
 * direction mark could reorder it, and a value of a megabyte would push all else out of sight.
 */

/** Control characters but line feed and tab, further line ends, marks of writing direction. */
const unprintable = /(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The text with `\uFFFD` for every character that a terminal would act on. */
export function printable(text: string): string {
  return text.replace(unprintable, '\uFFFD');
}

/** Characters of a line and lines of a text that are shown. Help and configs stay far below. */
const longestLine = 2000;
const mostLines = 1000;

/** Printable lines as many and as long as a person reads; says what was left out. */
export function readable(text: string): string {
  const lines = printable(text).split('\n');
  const shown = lines.slice(0, mostLines).map((line) => {
    if (line.length <= longestLine) return line;
    const kept = line.slice(0, longestLine).replace(/[\uD800-\uDBFF]$/, '');
    return `${kept}… (${line.length.toLocaleString('en')} characters)`;
  });
  const more = lines.length - shown.length;
  if (more > 0) shown.push(`… (${more.toLocaleString('en')} more lines)`);
  return shown.join('\n');
}

/** JSON on one line that reads back as the same value, with those characters escaped; whole, for programs. */
export function printableJson(value: unknown): string {
  return printableLog(JSON.stringify(value));
}

/** Lines of JSON with those characters escaped. */
export function printableLog(json: string): string {
  return json.replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
