/**
 * A canonical form of short clinical answers, so that spelling does not decide. It forgives case,
 * accents, punctuation, articles, number words, hyphens between words and simple plurals. It keeps
 * whatever can change the meaning: every word of negation, signs (`Rh-`, `HER2+`), comparisons, question
 * marks, decimals, ratios and ranges. When unsure it keeps a difference: a judge can still forgive it.
 */

/** Raised whenever the form of any text changes; part of every digest that rests on it. */
export const normaliserVersion = 1;

const units = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
  'thirteen',
  'fourteen',
  'fifteen',
  'sixteen',
  'seventeen',
  'eighteen',
  'nineteen',
];
const tens = ['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];

const numberOfWord: ReadonlyMap<string, number> = new Map([
  ...units.map((word, value) => [word, value] as const),
  ...tens.map((word, index) => [word, 20 + 10 * index] as const),
]);

/** An "a" after one of these, or at the start, is an article; elsewhere it names ("vitamin a level"). */
const beforeArticle = new Set(
  'and as at by for from in is of on or showing shows than to was with within without'.split(' '),
);

/** The canonical form; empty when the text holds nothing to compare. */
export function normaliseAnswer(text: string): string {
  const words = wordsOf(text);
  const kept = words.filter((_, index) => !isArticle(words, index));
  return digitsForWords(kept).map(singular).join(' ');
}

function wordsOf(text: string): string[] {
  return text
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/['’`]/g, '')
    .replace(/(?<=\d),(?=\d{3}(?!\d))/g, '')
    .replace(/(?<=\p{L})-(?=[\p{L}\d])|(?<=\d)-(?=\p{L})/gu, ' ')
    .replace(/(?<!\d)[.:]|[.:](?!\d)/g, ' ')
    .replace(/(?<=\d)(?=\p{L})/gu, ' ')
    .replace(/[^\p{L}\p{N}\p{S}.:%/?*&#-]/gu, ' ')
    .replace(/[\p{S}%/?*&#]/gu, ' $& ')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
}

function isArticle(words: readonly string[], index: number): boolean {
  // A last "A" names something: "hepatitis A", "option A".
  if (index === words.length - 1) return false;
  const word = words[index];
  if (word === 'the' || word === 'an') return true;
  return word === 'a' && (index === 0 || beforeArticle.has(words[index - 1] ?? ''));
}

/** Number words to digits, "twenty one" to 21. Digits that the text wrote apart stay apart. */
function digitsForWords(words: readonly string[]): string[] {
  const result: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const number = numberOfWord.get(word);
    const unit = numberOfWord.get(words[i + 1] ?? '') ?? 0;
    if (number === undefined) {
      result.push(word);
    } else if (tens.includes(word) && unit >= 1 && unit <= 9) {
      result.push(String(number + unit));
      i++;
    } else {
      result.push(String(number));
    }
  }
  return result;
}

function singular(word: string): string {
  if (word.length <= 3 || !word.endsWith('s') || /(?:ss|us|is)$/.test(word)) return word;
  if (word.endsWith('ies') && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:ss|x|ch|sh)es$/.test(word)) return word.slice(0, -2);
  return word.slice(0, -1);
}
