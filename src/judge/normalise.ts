/**
 * Forms of short clinical answers, so that spelling does not decide. One function with named steps; whoever
 * compares answers says which it takes. When unsure a step keeps a difference: a judge can still forgive it.
 */
import { withoutLatinAccents } from './forms/accents.ts';
import { toCommonCharacters } from './forms/compatibility.ts';
import { withOrdinaryCase } from './forms/letter-case.ts';
import { withoutMarkup } from './forms/markup.ts';
import { withEqualNumbers, withoutThousandsCommas } from './forms/numbers.ts';
import {
  withDigitsForWords,
  withoutArticles,
  withoutCase,
  withoutPlurals,
  withoutPunctuation,
} from './forms/words.ts';

/** Raised whenever the form of any text changes; part of every digest that rests on it. */
export const normaliserVersion = 3;

const steps = {
  /** Markdown, LaTeX and HTML around and within the answer are nothing. */
  markup: withoutMarkup,
  /** Micro sign and mu, full width, ligatures, subscripts, dashes and quotes in one form; soft hyphens are nothing. */
  characters: toCommonCharacters,
  /** Blanks are single. */
  space: (text: string) => text.replace(/\s+/g, ' ').trim(),
  /** Quotes, brackets and stops around the whole answer are nothing. */
  edges: withoutEdges,
  /** Equal numbers in one spelling; 0.5 and .5, never 5. */
  numbers: withEqualNumbers,
  /** The case of ordinary words is nothing. */
  ordinaryCase: withOrdinaryCase,
  /** 1,000 is 1000. */
  thousands: withoutThousandsCommas,
  /** Accents of Western European words are nothing. */
  accents: withoutLatinAccents,
  /** Punctuation and hyphens between words are blanks; signs, comparisons, ratios and decimals stay. */
  punctuation: withoutPunctuation,
  articles: withoutArticles,
  /** Twenty one is 21. */
  numberWords: withDigitsForWords,
  plurals: withoutPlurals,
  /** Case is nothing but in units (mg, Mg) and genotypes (AA, Aa). */
  case: withoutCase,
} as const satisfies Readonly<Record<string, (text: string) => string>>;

export type Step = keyof typeof steps;

/** Only what cannot change a meaning: equal forms are one answer, and nobody is asked. */
const exactSteps: readonly Step[] = [
  'markup',
  'characters',
  'space',
  'edges',
  'numbers',
  'ordinaryCase',
];

/** What a rule may forgive where no judge is asked. It keeps every word but articles. */
const ruleSteps: readonly Step[] = [
  'markup',
  'characters',
  'space',
  'edges',
  'numbers',
  'thousands',
  'accents',
  'punctuation',
  'articles',
  'numberWords',
  'plurals',
  'case',
];

/** The text after these steps, in this order. */
export function normalise(text: string, taken: readonly Step[]): string {
  return taken.reduce((form, step) => steps[step](form), text);
}

/**
 * The form in which equal answers are the same answer beyond doubt. It keeps articles, accents, hyphens and the
 * case of symbols; empty when nothing but punctuation is left.
 */
export function exactForm(text: string): string {
  return normalise(text, exactSteps);
}

/** The form by which rules compare; empty when the text holds nothing to compare. */
export function normaliseAnswer(text: string): string {
  return normalise(text, ruleSteps);
}

const pairs: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '(': ')',
  '「': '」',
  '『': '』',
  '《': '》',
  '【': '】',
};

function withoutEdges(text: string): string {
  let rest = text.trim();
  for (;;) {
    const inner = withoutPair(withoutStops(rest)).trim();
    if (inner === rest) return rest;
    rest = inner;
  }
}

/** A stop before a digit is a decimal point, a comma too; an exclamation mark behind one a factorial. */
function withoutStops(text: string): string {
  return text
    .replace(/^(?:[,;:!。、·]|\.(?![.\d]))+(?!\d)/, '')
    .replace(/(?:[.,;:。、]|(?<!\d)!)+$/, '');
}

/** Only a pair that encloses the whole: not the quotes of `"a" or "b"`. */
function withoutPair(text: string): string {
  const open = text.charAt(0);
  const close = pairs[open];
  if (close === undefined || text.length < 3 || !text.endsWith(close)) return text;
  const inner = text.slice(1, -1);
  const isWhole = open === close ? !inner.includes(open) : isBalanced(inner, open, close);
  return isWhole ? inner : text;
}

function isBalanced(text: string, open: string, close: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === open) depth++;
    if (character === close && --depth < 0) return false;
  }
  return depth === 0;
}
