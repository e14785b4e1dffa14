/** Unicode normal forms of text that anybody may have written. */

/** A place between two of very many combining marks: a starter that composes with nothing, in no text. */
const seam = '\u{10ffff}';

/**
 * The text in a normal form, in time proportional to its length: runs of combining marks are sorted 30 at a
 * time, as in the Stream-Safe Text Format of UAX #15. `String.normalize` takes quadratic time on them. Text
 * of any language has far shorter runs, and comes out as `String.normalize` gives it.
 */
export function toNormalForm(text: string, form: 'NFC' | 'NFKC'): string {
  if (!/\p{M}{31}/u.test(text)) return text.normalize(form);
  return text
    .replace(/\p{M}{30}(?=\p{M})/gu, `$&${seam}`)
    .normalize(form)
    .replaceAll(seam, '');
}
