/**
 * Words of an answer as rules compare them: without punctuation, articles, plurals and case, with digits for
 * number words. Each step takes and gives words with single blanks between them. They keep whatever can change
 * the meaning: every word of negation, signs (`Rh-`, `HER2+`), comparisons, question marks, ratios and ranges.
 */
import { genotype } from './letter-case.ts';
import { unitAfter } from './numbers.ts';

const letter = '[\\p{L}\\p{M}]';
const hyphenBetweenWords = new RegExp(
  `(?<=${letter})-(?=[\\p{L}\\p{N}])|(?<=\\d)-(?=\\p{L})`,
  'gu',
);

export function withoutPunctuation(text: string): string {
  return text
    .replace(/(?<=\d)'/g, ' ′ ')
    .replace(/(?<=\d)"/g, ' ′′ ')
    .replace(/['`]/g, '')
    .replace(hyphenBetweenWords, ' ')
    .replace(/(?<!\d)[.:,·]|[.:,·](?!\d)/g, ' ')
    .replace(/(?<=\d)(?=\p{L})/gu, ' ')
    .replace(/[^\p{L}\p{M}\p{N}\p{S}.:,·%/?*&#′-]/gu, ' ')
    .replace(/[\p{S}%/?*&#]/gu, ' $& ')
    .split(/\s+/)
    .filter((word) => word !== '')
    .join(' ');
}

/** An "a" after one of these is an article; elsewhere it names ("vitamin a level"). */
const beforeArticle = new Set(
  'and as at by for from in is of on or showing shows than to was with within without'.split(' '),
);

/** A first "A" before one of these names a blood group, a type, a wave. */
const namedByA = new Set(
  'positive negative pos neg type types group groups wave waves band bands line lines scan fib delta beta cell cells antigen antigens and or only'.split(
    ' ',
  ),
);

export function withoutArticles(text: string): string {
  const words = text.split(' ');
  return words.filter((_, index) => !isArticle(words, index)).join(' ');
}

function isArticle(words: readonly string[], index: number): boolean {
  // A last "A" names something: "hepatitis A", "option A".
  const next = words[index + 1];
  if (next === undefined) return false;
  const word = words[index] ?? '';
  if (/^(?:the|an)$/i.test(word)) return word !== 'AN';
  if (word === 'a') return index === 0 || beforeArticle.has((words[index - 1] ?? '').toLowerCase());
  return word === 'A' && index === 0 && /^\p{Ll}{2,}$/u.test(next) && !namedByA.has(next);
}

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

/** Number words to digits, "twenty one" to 21. Digits that the text wrote apart stay apart. */
export function withDigitsForWords(text: string): string {
  const words = text.split(' ');
  const result: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const number = numberOfWord.get(word.toLowerCase());
    const unit = numberOfWord.get((words[i + 1] ?? '').toLowerCase()) ?? 0;
    if (number === undefined) {
      result.push(word);
    } else if (number >= 20 && unit >= 1 && unit <= 9) {
      result.push(String(number + unit));
      i++;
    } else {
      result.push(String(number));
    }
  }
  return result.join(' ');
}

export function withoutPlurals(text: string): string {
  return text.split(' ').map(singular).join(' ');
}

/** In capitals an S may belong to an acronym: AIDS is no aid. */
function singular(word: string): string {
  if (word.length <= 3 || !word.endsWith('s') || /(?:ss|us|is)$/.test(word)) return word;
  if (word.endsWith('ies') && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:ss|x|ch|sh)es$/.test(word)) return word.slice(0, -2);
  return word.slice(0, -1);
}

/** A letter that is the whole answer stays as it is: K and k are two antigens. */
export function withoutCase(text: string): string {
  if (text.length === 1) return text;
  const words = text.split(' ');
  return words
    .map((word, index) => {
      const unit = unitAfter(words[index - 1], word);
      if (unit !== undefined) return unit;
      // "II" is a grade more often than a genotype.
      return genotype.test(word) && !/^i+$/i.test(word) ? word : word.toLowerCase();
    })
    .join(' ');
}
