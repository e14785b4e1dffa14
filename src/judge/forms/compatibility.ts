/**
 * Characters that Unicode or typography offers in several forms, in one. Nothing here changes what a text
 * says: where the plain form would (10⁵ is not 105, 1½ not 11/2), another plain spelling is taken.
 */
import { toNormalForm } from '../../core/unicode.ts';

/** One form of characters that look different and mean the same; white space stays as it is. */
export function toCommonCharacters(text: string): string {
  // What plain text of English has, which is most of it, is in its common form already.
  if (/^[\w\s.,;:!?()%/'"&#@*[\]{}~`$|\\^-]*$/.test(text)) return text;
  // First what stands between others unseen, and digits: what follows looks at neighbours.
  return text
    .replace(ignorable, '')
    .replace(/(?![0-9])\p{Nd}/gu, digitOf)
    .replace(/[\u00b4\u2018\u2019\u201a\u201b\u2039\u203a\u02bc]/g, "'")
    .replace(/[\u00ab\u00bb\u201c-\u201f]/g, '"')
    .replace(/[\u00ba\u02da](?=\s?[CF]\b)/g, '°')
    .replace(raised, plainRaised)
    .replace(lowered, plainLowered)
    .replace(fraction, (found, at: number, whole: string) => {
      return apartFromDigits(found.normalize('NFKC').replace('\u2044', '/'), found, at, whole);
    })
    .replace(enclosed, (found, at: number, whole: string) => {
      return apartFromDigits(found.normalize('NFKC'), found, at, whole);
    })
    .split(abbreviations)
    .map((piece, index) => (index % 2 === 0 ? toNormalForm(piece, 'NFKC') : piece))
    .join('')
    .replace(ignorable, '')
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/[\u2044\u2215]/g, '/')
    .replace(/[\u223c\u301c]/g, '~')
    .replace(/\u2236/g, ':')
    .replace(/[\u2a7d\u2266]|<=/g, '≤')
    .replace(/[\u2a7e\u2267]|>=/g, '≥')
    .replace(/\+\/-/g, '±')
    .replace(/\u066b/g, '.')
    .replace(/\u066c/g, ',')
    .replace(/(?![0-9])\p{Nd}/gu, digitOf);
}

/** Their compatibility forms are words and letters: № would become a denial, 1ª the stage 1a. */
const abbreviations = /([\u2116\u2120\u2122\u00aa\u00ba])/;

/** Superscript digits and signs, and those of `^2` and `^{2}`. */
const raised = /[\u00b2\u00b3\u00b9\u2070\u2071\u2074-\u207f]+/g;

/** Units of length, after which `cm2` and `cm²` are one. */
const lengths = /(?:^|[^\p{L}])(?:[kdcmnµμ]?m|in|ft)$/u;

/**
 * Behind a unit of length, or as the charge of an ion, the digits alone: cm², Ca²⁺. Behind digits and other
 * letters it is a power, and a power is not the digits behind it.
 */
function plainRaised(found: string, at: number, whole: string): string {
  const plain = found.normalize('NFKC').replaceAll('\u2212', '-');
  const before = whole.slice(Math.max(0, at - 4), at);
  const isPower = /[\p{L}\p{N})]$/u.test(before) && !/[+-]$/.test(plain) && !lengths.test(before);
  const isFollowed = /\d/.test(whole.charAt(at + found.length));
  return `${isPower ? '^' : ''}${plain}${isFollowed ? ' ' : ''}`;
}

const lowered = /[\u2080-\u208e]+/g;

/** CO₂ and CO2 are one; log₂10 is not log210, nor 10₂ 102. */
function plainLowered(found: string, at: number, whole: string): string {
  const plain = found.normalize('NFKC').replaceAll('\u2212', '-');
  const isAmongDigits =
    /\d/.test(whole.charAt(at - 1)) || /\d/.test(whole.charAt(at + found.length));
  return isAmongDigits ? `_(${plain})` : plain;
}

const fraction = /[\u00bc-\u00be\u2150-\u215e\u2189]/g;

/** Numbers in circles, in brackets and with a stop. */
const enclosed = /[\u2460-\u249b\u24ea-\u24ff\u2776-\u2793\u3251-\u325f\u32b1-\u32bf]/g;

/** One and a half is not eleven halves. */
function apartFromDigits(plain: string, found: string, at: number, whole: string): string {
  const before = /\d/.test(whole.charAt(at - 1)) ? ' ' : '';
  const after = /\d/.test(whole.charAt(at + found.length)) ? ' ' : '';
  return `${before}${plain}${after}`;
}

/**
 * Soft hyphens, blanks without width, marks of direction and the stroke that makes Arabic words longer. The
 * two joiners spell words in Arabic, Persian and the scripts of India, and are nothing beside others.
 */
const ignorable =
  /(?![\u200c\u200d])\p{Default_Ignorable_Code_Point}|\u0640|(?<=^|[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{N}\p{P}\p{S}\s])[\u200c\u200d]/gu;

/** Digits of a script stand in rows of ten. */
function digitOf(digit: string): string {
  const code = digit.codePointAt(0) ?? 0;
  let zero = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
  return String((code - zero) % 10);
}
