/**
 * Whether words are the text of a choice. The text as it stands decides first, then the form in which nothing
 * that carries meaning differs, then the form by which rules compare; where two choices share a form (AA, Aa
 * and aa), that form says nothing and only what is nearer to the text decides.
 */
import { exactForm, normalise, normaliseAnswer, type Step } from '../../judge/normalise.ts';
import type { Choice } from '../tasks/sample.ts';

const rawSteps: readonly Step[] = ['markup', 'characters', 'space', 'edges'];
const forms = [(text: string) => normalise(text, rawSteps), exactForm, normaliseAnswer] as const;

/** A choice with its text in each form, the nearest first. */
export type Readable = Choice & { readonly forms: readonly string[] };

export type Choices = {
  readonly all: readonly Readable[];
  /** Characters of the longest text. */
  readonly longest: number;
  /** The choice under a letter in capitals. */
  ofLetter(letter: string | undefined): Readable | undefined;
  /**
   * The choice whose text the words are; undefined where they are none, or may be several.
   * @param closely only where nothing that carries meaning differs
   */
  ofText(words: string, closely?: boolean): Readable | undefined;
  /** Whether the words may be the choice's text, where they stand behind its letter. */
  fits(words: string, choice: Readable): boolean;
};

/** Made once for all answers to a question, as long as its choices are held. */
const made = new WeakMap<readonly Choice[], Choices>();

export function readableChoices(choices: readonly Choice[]): Choices {
  const known = made.get(choices) ?? makeReadable(choices);
  made.set(choices, known);
  return known;
}

function makeReadable(choices: readonly Choice[]): Choices {
  const all = choices.map((choice): Readable => {
    return { ...choice, forms: forms.map((form) => form(choice.text)) };
  });
  const byForm = forms.map((_, level) => {
    const known = new Map<string, Readable | undefined>();
    for (const choice of all) {
      const form = choice.forms[level] ?? '';
      const other = known.get(form);
      // Equal texts are one choice; other texts of one form share it.
      if (!known.has(form)) known.set(form, choice);
      else if (other !== undefined && !isSame(other, choice)) known.set(form, undefined);
    }
    known.delete('');
    return known;
  });
  /** The first form that some choice has, and whose it is. */
  const find = (words: string, closely = false) => {
    for (const [level, form] of (closely ? forms.slice(0, 2) : forms).entries()) {
      const own = form(words);
      const known = byForm[level];
      if (known?.has(own)) return { level, own, choice: known.get(own) };
    }
    return undefined;
  };
  return {
    all,
    longest: Math.max(0, ...all.map(({ text }) => text.length)),
    ofLetter: (letter) => all.find((choice) => choice.letter === letter?.toUpperCase()),
    ofText: (words, closely) => find(words, closely)?.choice,
    fits: (words, choice) => {
      const found = find(words);
      if (found === undefined) return false;
      if (found.choice !== undefined) return isSame(found.choice, choice);
      return choice.forms[found.level] === found.own;
    },
  };
}

export function isSame(one: Readable, other: Readable): boolean {
  return one.forms[0] === other.forms[0];
}
