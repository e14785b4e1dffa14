/**
 * Accents of Western European words, for readers that forgive them: Sjögren and Sjogren, Ménière and Meniere.
 * Elsewhere marks spell words. The tones of Vietnamese, the vowel signs of India, dakuten and the tones of Thai
 * are no accents, nor is ñ; and Turkish, Polish, Czech, Romanian and others have letters of their own.
 */

const accented = 'ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÒÓÔÕÖÙÚÛÜÝàáâãäåçèéêëìíîïòóôõöùúûüýÿ';
const bare = 'AAAAAACEEEEIIIIOOOOOUUUUYaaaaaaceeeeiiiiooooouuuuyy';
const bareOf = new Map([...accented].map((letter, place) => [letter, bare.charAt(place)]));

/** Letters of a word; in shorter ones an accent often tells two words apart (año, öl, pêche). */
const latinWord = /[\p{Script=Latin}\p{M}]{5,}/gu;

/** One syllable of Vietnamese, which writes every syllable as a word and tells thousands apart by marks. */
const vietnamese =
  /^(?:ngh?|gh|gi|kh|ph|th|tr|ch|nh|qu|[bcdđghklmnprstvx])?[aàáâãăeèéêiìíĩoòóôõơuùúũưyý\u1ea0-\u1ef9]{1,4}(?:ng|nh|ch|[cmnpt])?$/i;

/** Expects composed characters (NFC). */
export function withoutLatinAccents(text: string): string {
  return text.replace(latinWord, (found) =>
    vietnamese.test(found)
      ? found
      : found.replace(/[À-ÿ]/g, (letter) => bareOf.get(letter) ?? letter),
  );
}
