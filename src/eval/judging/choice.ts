/**
 * Which choice an answer takes, by rule: a letter, or the text of one choice. When in doubt it finds
 * none, as a judge can still read what a rule cannot: an answer that names several choices, takes its
 * word back, or merely begins with "A" as an article has no choice here.
 */
import { normalise } from '../../judge/normalise.ts';
import { jsonObjectsIn } from '../../judge/read-reply.ts';
import type { Choice, EvalSample } from '../tasks/sample.ts';
import { type Choices, readableChoices } from './choice-forms.ts';
import {
  agreed,
  openedByText,
  type Reading,
  readCalledRight,
  readMention,
  readPlace,
  readWhole,
} from './choice-places.ts';
import { aboutChoices, finalWords, statement } from './choice-words.ts';

/** Raised whenever the reading of any answer changes; part of every digest that rests on it. */
export const choiceRuleVersion = 2;

/**
 * Whether the answer takes the choice whose text is the reference; undefined where none can be read. By
 * text, which holds whatever letters the model was shown.
 */
export function takesReference(
  answer: string,
  { choices, referenceAnswer }: Pick<EvalSample, 'choices' | 'referenceAnswer'>,
): boolean | undefined {
  const choice = readChoice(answer, choices);
  return choice && choice.text.trim() === referenceAnswer.trim();
}

/** The choice that the answer takes; undefined where none can be read from it. */
export function readChoice(answer: string, choices: readonly Choice[]): Choice | undefined {
  const readable = readableChoices(choices);
  const text = plain(answer);
  const reading =
    readWhole(text, readable) ??
    readBox(answer, readable) ??
    readJson(answer, readable) ??
    readStatements(text, readable) ??
    readPlace(text, readable, { isStated: false }) ??
    readLines(text, readable) ??
    readPairs(text, readable) ??
    readMention(text, readable);
  if (reading === undefined || reading === 'none') return undefined;
  return { letter: reading.letter, text: reading.text };
}

/** Without markup, in common characters, with single blanks and no blank lines. */
function plain(answer: string): string {
  const lines = normalise(answer, ['markup', 'characters']).split('\n');
  const text = lines
    .map((line) => line.replace(/\s+/g, ' ').trim())
    .filter((line) => line !== '')
    .join('\n');
  // A sign before a number is no quotation, nor is a prime behind one a quote.
  const opened = text.replace(/^(?:[*_#"'\s✓✔✅☑➡→⇒]|[-=]>|>(?!\s*[\d.]))+/u, '');
  return opened.replace(/(?<![*_"'\s✓✔✅☑])[*_"'\s✓✔✅☑]+$/u, (found, at: number) =>
    /^'/.test(found) && /\d/.test(opened.charAt(at - 1)) && !/^[*_"\s]*'/.test(text) ? "'" : '',
  );
}

/** What stands in the last box of LaTeX, by which an answer is called final. */
function readBox(answer: string, choices: Choices): Reading | undefined {
  const at = answer.lastIndexOf('\\boxed{');
  if (at < 0) return undefined;
  const begin = at + '\\boxed{'.length;
  let depth = 1;
  let end = begin;
  while (end < answer.length && depth > 0) {
    const character = answer[end++];
    if (character === '{') depth++;
    if (character === '}') depth--;
  }
  return readShort(answer.slice(begin, depth === 0 ? end - 1 : end), choices);
}

const answerKey =
  /^(?:(?:final|correct|selected|predicted|your|my)?[ _-]?(?:answer|choice|option|letter|selection|prediction|label|pick|result|response|output)(?:[ _-]?(?:letter|idx|index|id|choice|option|text))?|(?:正确|最终)?答案|选项|respuesta|réponse|reponse|antwort|resposta|risposta|ответ)$/i;

/** The answer in an object of JSON; two objects must say the same. */
function readJson(answer: string, choices: Choices): Reading | undefined {
  if (!answer.includes('{')) return undefined;
  return agreed(jsonObjectsIn(answer).map((object) => readField(object, choices, 0)));
}

function readField(value: unknown, choices: Choices, depth: number): Reading | undefined {
  if (typeof value === 'string') return readShort(value, choices);
  if (typeof value !== 'object' || value === null || depth > 2) return undefined;
  if (Array.isArray(value)) {
    return value.length === 1 ? readField(value[0], choices, depth + 1) : undefined;
  }
  const named = Object.entries(value).filter(([key]) => answerKey.test(key.trim()));
  return agreed(named.map(([, inner]) => readField(inner, choices, depth + 1)));
}

/** A place that holds the answer and little else. */
function readShort(answer: string, choices: Choices): Reading | undefined {
  const text = plain(answer);
  return readWhole(text, choices) ?? readPlace(text, choices, { isStated: true });
}

/** Only the last statements are read, and this many characters of each. */
const mostStatements = 20;
const longestStatement = 1000;

/**
 * What follows "the answer is" and the like. All such statements must name the same choice; where one is
 * called final, only those count.
 */
function readStatements(text: string, choices: Choices): Reading | undefined {
  const statements = [...text.matchAll(statement)].filter(
    ({ index }) => !aboutChoices.test(text.slice(Math.max(0, index - 40), index)),
  );
  const found = statements.slice(-mostStatements).map(({ index, 0: words }) => ({
    isFinal: finalWords.test(words) || finalWords.test(text.slice(Math.max(0, index - 20), index)),
    reading: readStated(text.slice(index, index + words.length + longestStatement), words, choices),
  }));
  const final = found.filter(({ isFinal }) => isFinal);
  const read = (ones: typeof found) => agreed(ones.map(({ reading }) => reading));
  const called = readCalledRight(text, choices);
  return (final.length > 0 ? read(final) : undefined) ?? agreed([read(found), ...called]);
}

/** Words of a statement that may belong to a choice: "the answer is the first". */
const sharedWords = 2;

/** @param words those of the statement, with which `text` begins */
function readStated(text: string, words: string, choices: Choices): Reading | undefined {
  let from = words.length;
  for (let taken = 0; taken <= sharedWords; taken++) {
    const reading = readPlace(text.slice(from), choices, { isStated: true });
    if (reading !== undefined) return reading;
    from = words.slice(0, from).search(/(?<=\s)\p{L}+[\s"'*]*$/u);
    if (from <= 0) return undefined;
  }
  return undefined;
}

/** Lines that are looked at, from the end. */
const mostLines = 50;

/** Lines that are nothing but a choice, as under a long explanation. */
function readLines(text: string, choices: Choices): Reading | undefined {
  const lines = text.split('\n').slice(-mostLines);
  return agreed(lines.map((line) => readWhole(line, choices)));
}

/** A letter with its own text anywhere, where nothing before it refuses it. */
function readPairs(text: string, choices: Choices): Reading | undefined {
  const labels = [...text.matchAll(/(?<![\p{L}\p{N}])[([]?([A-Z])\s?(?:[)\].:]|\s-)\s?/gu)];
  return agreed(
    labels.slice(-mostLines).map(({ index, 0: label, 1: letter }) => {
      const choice = choices.ofLetter(letter);
      if (choice === undefined) return undefined;
      const words = text.slice(index + label.length);
      const opened = openedByText(words, choices, (prefix) =>
        choices.fits(prefix, choice) ? choice : undefined,
      );
      if (opened === undefined) return undefined;
      const before = text.slice(Math.max(0, index - 20), index);
      return /(?:not|n't|than|nor|except|exclude[sd]?|unlike)[\s:]*$/i.test(before)
        ? 'none'
        : choice;
    }),
  );
}
