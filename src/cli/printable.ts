/**
 * Text of a model on a terminal. It is untrusted: an escape sequence in it could move the cursor, rewrite
 * what was shown or change the terminal's settings, and a direction mark could reorder it.
 */

/** Control characters but line feed and tab, further line ends, marks of writing direction. */
const unprintable = /(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The text with `\uFFFD` for every character that a terminal would act on. */
export function printable(text: string): string {
  return text.replace(unprintable, '\uFFFD');
}

/** JSON on one line that reads back as the same value, with those characters escaped. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
