/** Controls, further line ends and marks of writing direction: a terminal would act on them. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Untrusted text between quotation marks on one line, cut after `limit` characters, safe to print. */
export function quoted(text: string, limit = 160): string {
  const characters = [...text.slice(0, 2 * limit)];
  const isCut = characters.length > limit || text.length > 2 * limit;
  const shown = isCut ? characters.slice(0, limit).join('') : text;
  const escaped = JSON.stringify(shown).replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return isCut ? `${escaped}…` : escaped;
}
