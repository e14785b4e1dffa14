/**
 * Which choice an answer takes, by rule: a letter, or the text of one choice. When in doubt it finds
 * none, as a judge can still read what a rule cannot: an answer that names several choices, takes its
 * word back, or merely begins with "A" as an article has no choice here.
 */
import { normaliseAnswer } from '../../judge/normalise.ts';
import type { Choice, EvalSample } from '../tasks/sample.ts';

/** Raised whenever the reading of any answer changes; part of every digest that rests on it. */
export const choiceRuleVersion = 1;

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
  const readable = choices.map((choice) => ({ ...choice, form: formOf(choice, choices) }));
  const text = withoutMarkup(answer);
  const whole = readWhole(text, readable);
  if (whole !== undefined) return chosen(whole);
  const stated = readStatements(text, readable);
  if (stated !== undefined) return chosen(stated);
  return chosen(readOpening(text, readable) ?? readMention(text, readable) ?? 'none');
}

/** Choices of one form are one choice. */
type Readable = Choice & { readonly form: string };

/** The normalised text; the text itself where that says nothing, or what another choice says too. */
function formOf({ text }: Choice, choices: readonly Choice[]): string {
  const form = normaliseAnswer(text);
  const own = text.trim();
  const isShared = choices.some(
    (other) => other.text.trim() !== own && normaliseAnswer(other.text) === form,
  );
  return form === '' || isShared ? own : form;
}

/** `none` where the words that would name a choice name several or contradict themselves. */
type Reading = Readable | 'none';

function chosen(reading: Reading): Choice | undefined {
  return reading === 'none' ? undefined : { letter: reading.letter, text: reading.text };
}

/** Bold, italics, code, LaTeX boxes and text, and blanks that do not matter. */
function withoutMarkup(answer: string): string {
  return answer
    .replace(/\\(?:boxed|text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}/g, '$1')
    .replace(/\\(?:boxed|text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}/g, '$1')
    .replace(/\*\*|__|[`$]/g, '')
    .replace(/^[\s*_#>"'“‘]+|[\s*_"'”’]+$/g, '')
    .replace(/[^\S\n]+/g, ' ');
}

/** The letter alone, or a choice's text alone. A text that is also another choice's letter says nothing. */
function readWhole(text: string, choices: readonly Readable[]): Reading | undefined {
  const letter = /^(?:(?:option|choice|answer)\s+)?[([{]?([A-Za-z])[)\]}]?[.:,;!]?$/i.exec(
    text,
  )?.[1];
  const lettered = letter === undefined ? undefined : ofLetter(letter.toUpperCase(), choices);
  // An article is no part of the normalised text, so a letter A would pass for one.
  const isLabelled = /^A\s*[.:)]/.test(text) && !choices.some((choice) => choice.text === text);
  return agreed([lettered, isLabelled ? undefined : ofText(text, choices)]);
}

const subject = 'answer|choice|option|diagnosis|conclusion';
const copula =
  '(?:is|was|would be|should be|must be)(?:\\s+(?:therefore|thus|clearly|probably|definitely|(?:most )?likely))?\\b';
const statement = new RegExp(
  `\\b(?:(?:${subject})(?:\\s+to\\s+[^.\\n]{1,60}?)?\\s+${copula}|(?:${subject})\\s*[:=]|(?:i|we)\\s+(?:would\\s+|will\\s+)?(?:choose|select|pick|go with|answer)\\b)\\s*:?\\s*`,
  'gi',
);

/** Only the last statements are read, and this many characters of each. */
const mostStatements = 20;
const longestStatement = 1000;

/**
 * What follows "the answer is" and the like. All such statements must name the same choice; where one is
 * called final, only those count.
 */
function readStatements(text: string, choices: readonly Readable[]): Reading | undefined {
  const found = [...text.matchAll(statement)].slice(-mostStatements).map(({ index, 0: words }) => ({
    isFinal: /\b(?:final|so the|therefore,? the)\s+$/i.test(
      text.slice(Math.max(0, index - 20), index),
    ),
    tail: text.slice(index + words.length, index + longestStatement).replace(/^[\s"'“‘*]+/, ''),
  }));
  const final = found.filter(({ isFinal }) => isFinal);
  const readings = (final.length > 0 ? final : found).map(({ tail }) => {
    const line = tail.split('\n', 1)[0] ?? '';
    return readOpening(tail, choices) ?? ofText(line.replace(/\.$/, ''), choices);
  });
  return agreed(readings);
}

/** The reading that all of them share; `none` where they differ. */
function agreed(readings: readonly (Reading | undefined)[]): Reading | undefined {
  const [first, ...others] = readings.filter((reading) => reading !== undefined);
  if (first === undefined || first === 'none') return first;
  return others.every((other) => other !== 'none' && other.form === first.form) ? first : 'none';
}

/** A choice at the very beginning: its letter set off from what follows, or its text. */
function readOpening(text: string, choices: readonly Readable[]): Reading | undefined {
  const letter = readOpeningLetter(text, choices);
  return letter ?? readOpeningText(text, choices);
}

const openingLetter =
  /^(?:(?:[Oo]ption|[Cc]hoice|[Ll]etter)\s+)?[([{]?([A-Z])\b([)\]}]?)(?![-'’+]\w)/;
const anotherLetter =
  /^\s*(?:(?:,|\/|&|\+|;|\band\b|\bor\b)\s*(?:[Oo]ption\s+)?[([]?([A-Z])\b|[.:)]\s*[([]?([A-Z])(?:[.:,;)\]]|\s*$))/;
const takenBack =
  /^\s+(?:(?:is|was|can be|could be|would be|seems)\s+)?(?:not|incorrect|wrong|false|unlikely|less|excluded|ruled)\b/;

function readOpeningLetter(text: string, choices: readonly Readable[]): Reading | undefined {
  const match = openingLetter.exec(text);
  const choice = match?.[1] === undefined ? undefined : ofLetter(match[1], choices);
  if (!match || choice === undefined) return undefined;
  const after = text.slice(match[0].length);
  if (takenBack.test(after)) return 'none';
  const words = after.replace(/^\s*[.:,;)\]–—-]*\s*/, '');
  const others = choices.filter(({ form }) => form !== choice.form);
  if (isOpenedBy(words, choice)) return listsAnother(words, others) ? 'none' : choice;
  const [, joined, next] = anotherLetter.exec(after) ?? [];
  if (ofLetter(joined ?? next ?? '', others) !== undefined) return 'none';
  if (others.some((other) => isOpenedBy(words, other)) || listsAnother(words, others))
    return 'none';
  const isLabelled = match[2] !== '' || match[0].length > 1;
  return isLabelled || words === '' || setOff.test(after) ? choice : undefined;
}

/** After a bare letter: what an article, an initial ("E. coli") or a pronoun is not followed by. */
const setOff =
  /^(?:\s*[:,;–—\n]|\s+-\s|\.\s*\n|\.\s+[^a-z]|\s+(?:because|since|as|due|given|is (?:the )?(?:correct|right|best|most likely))\b)/;

/** Whether the words begin with the choice's text, and go on only after a break. */
function isOpenedBy(words: string, { form }: Readable): boolean {
  // Enough for the text in any spelling; the rest does not matter, however long.
  const opening = words.slice(0, 4 * form.length + 200);
  const normalised = normaliseAnswer(opening);
  if (normalised === form) return true;
  if (!normalised.startsWith(form)) return false;
  for (const { index } of opening.matchAll(/[.,;:!?)\n–—]|\s-\s|\s(?=\(|because\b|since\b)/g)) {
    if (normaliseAnswer(opening.slice(0, index)) === form) return true;
  }
  return false;
}

/** Whether further choices are listed under their letters, as when the question is repeated. */
function listsAnother(words: string, others: readonly Readable[]): boolean {
  return others.some((other) =>
    [...words.matchAll(new RegExp(`(?:^|[\\s(])${other.letter}\\s*[.):]\\s*`, 'g'))].some(
      ({ index, 0: label }) => isOpenedBy(words.slice(index + label.length), other),
    ),
  );
}

function readOpeningText(text: string, choices: readonly Readable[]): Reading | undefined {
  const opened = choices.filter((choice) => isOpenedBy(text, choice));
  const longest = opened.toSorted((a, b) => b.form.length - a.form.length)[0];
  if (longest === undefined) return undefined;
  return isBareList(text, choices) ? 'none' : longest;
}

/** Nothing but texts of several choices: offers all and takes none. */
function isBareList(text: string, choices: readonly Readable[]): boolean {
  const { rest, named } = mentions(text, choices);
  return named.length > 1 && rest.split(' ').every((word) => /^(?:and|or|)$/.test(word));
}

/** In normalised words, so without apostrophes. */
const negation =
  /\b(?:not|no|never|neither|nor|without|incorrect|wrong|false|unlikely|exclud\w*|except|ruled? out|rather than|instead of|less likely|cannot|cant|isnt|doesnt|wasnt|unsure|uncertain)\b/;

/** Texts that stand in many sentences without naming a choice. */
const isCommon = ({ form }: Readable) =>
  form.length < 4 || /^(?:maybe|none|true|false|both)$/.test(form);

/** The one choice that is mentioned anywhere, by text or as "option B", where nothing is denied. */
function readMention(text: string, choices: readonly Readable[]): Reading | undefined {
  const { named, rest } = mentions(text, choices);
  if (negation.test(rest)) return undefined;
  const letters = text.matchAll(
    /\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer)\s+[([]?([A-Z])\b|\(([A-Z])\)/g,
  );
  const lettered = [...letters].flatMap(
    ([, labelled, bracketed]) => ofLetter(labelled ?? bracketed ?? '', choices) ?? [],
  );
  return agreed([...named.filter((choice) => !isCommon(choice)), ...lettered]);
}

/** Choices whose texts stand in the text as whole words, longer texts first, and what remains. */
function mentions(
  text: string,
  choices: readonly Readable[],
): { readonly named: readonly Readable[]; readonly rest: string } {
  let rest = ` ${normaliseAnswer(text)} `;
  const named: Readable[] = [];
  for (const choice of choices.toSorted((a, b) => b.form.length - a.form.length)) {
    if (!rest.includes(` ${choice.form} `)) continue;
    named.push(choice);
    rest = rest.replaceAll(` ${choice.form} `, '  ');
  }
  return { named, rest: rest.replace(/\s+/g, ' ').trim() };
}

function ofLetter(letter: string, choices: readonly Readable[]): Readable | undefined {
  return choices.find((choice) => choice.letter === letter);
}

function ofText(text: string, choices: readonly Readable[]): Reading | undefined {
  const form = normaliseAnswer(text);
  return form === '' ? undefined : choices.find((choice) => choice.form === form);
}
