/** Reading of the places where a choice may stand: a whole text, the beginning of one, a mention within. */
import { normaliseAnswer } from '../../judge/normalise.ts';
import { type Choices, isSame, type Readable } from './choice-forms.ts';
import {
  beforeLetter,
  calledRight,
  letterNouns,
  negation,
  setOff,
  takenBack,
} from './choice-words.ts';

/** `none` where the words that would name a choice name several or contradict themselves. */
export type Reading = Readable | 'none';

/** The reading that all of them share; `none` where they differ. */
export function agreed(readings: readonly (Reading | undefined)[]): Reading | undefined {
  const [first, ...others] = readings.filter((reading) => reading !== undefined);
  if (first === undefined || first === 'none') return first;
  return others.every((other) => other !== 'none' && isSame(other, first)) ? first : 'none';
}

const noun = `(?:(?:${letterNouns})\\s*)`;
const wholeLetter = new RegExp(
  `^${noun}?[([{「【]?\\s*["']?([A-Z])["']?\\s*[)\\]}」】]?[.:,;!。]?$`,
  'i',
);
/** A letter set off from the words behind it. */
const label = new RegExp(
  `^${noun}?[([{]?\\s*([A-Z])\\s*(?:[)\\]}]\\s*(?:[.:,;-](?!\\d))?|[.:,;、](?!\\d)| [-=→]|\\n)\\s*(?=\\S)`,
  'i',
);
const bareLabel = /^([A-Z])(?:\s+(?=\S)|\.(?=\d))/;
const labelBehind = new RegExp(
  `^(.*\\S)\\s*[,;:-]?\\s*(?:[([]\\s*${noun}?([A-Z])\\s*[)\\]]|${noun}([A-Z]))[.。]?$`,
  'is',
);

/** Characters of a text and of what may stand around it. */
const room = (choices: Choices) => 2 * choices.longest + 120;

/**
 * The letter alone, a choice's text alone, or both. A text that is also another choice's letter says nothing,
 * nor does a letter with the text of another.
 */
export function readWhole(text: string, choices: Choices): Reading | undefined {
  if (text === '' || text.length > room(choices)) return undefined;
  const close = choices.ofText(text, true);
  const lettered = choices.ofLetter(wholeLetter.exec(text)?.[1]);
  if (close !== undefined || lettered !== undefined) return agreed([close, lettered]);
  return readLabelled(text, choices) ?? choices.ofText(text);
}

/** A letter and a text, in either order. */
function readLabelled(text: string, choices: Choices): Reading | undefined {
  const [labelled = '', letter] = label.exec(text) ?? [];
  const choice = choices.ofLetter(letter);
  if (choice !== undefined) return withText(choice, text.slice(labelled.length), choices);
  const [, words = '', bracketed, named] = labelBehind.exec(text) ?? [];
  const behind = choices.ofLetter(bracketed ?? named);
  return readBareLabel(text, choices) ?? (behind && withText(behind, words, choices));
}

/** The text of another speaks against a letter; words of no choice are for whoever reads on. */
function withText(choice: Readable, words: string, choices: Choices): Reading | undefined {
  if (choices.fits(words, choice)) return choice;
  return choices.ofText(words) === undefined ? undefined : 'none';
}

function readBareLabel(text: string, choices: Choices): Reading | undefined {
  const [bare = '', letter] = bareLabel.exec(text) ?? [];
  const choice = choices.ofLetter(letter);
  const words = text.slice(bare.length);
  if (choice === undefined || !choices.fits(words, choice)) return undefined;
  // "B.5 mg" may be 0.5 mg.
  return bare.endsWith('.') && choices.ofText(`.${words}`) ? 'none' : choice;
}

/** Where a choice's text may end though the answer goes on. */
const breaks =
  /[.,;:!?)\]"}\n。，、；：！？）」]|\s-\s|\s(?=[(=→]|(?:because|since|as|due|given|is|are|was|which|so|option|choice)\b)|(?=です|である|입니다)/g;

/**
 * What `read` makes of the longest beginning of the words that it can read, up to a break, and where that ends.
 */
export function openedByText(
  words: string,
  choices: Choices,
  read: (prefix: string) => Reading | undefined,
): { readonly reading: Reading; readonly end: number } | undefined {
  const near = words.slice(0, room(choices));
  const ends = [...near.matchAll(breaks)].flatMap(({ index, 0: found }) =>
    /[)\]"}」）]/.test(found) ? [index, index + 1] : [index],
  );
  const all = near.length === words.length ? [...ends, near.length] : ends;
  for (const end of all.toReversed()) {
    const prefix = near.slice(0, end).trim();
    const reading = prefix === '' ? undefined : read(prefix);
    if (reading !== undefined) return { reading, end };
  }
  return undefined;
}

/**
 * A choice at the very beginning: its text, its letter with it, or its letter set off from what follows.
 * @param isStated the words before say that a choice follows
 */
export function readPlace(
  text: string,
  choices: Choices,
  { isStated }: { readonly isStated: boolean },
): Reading | undefined {
  const opened = openedByText(text, choices, (prefix) =>
    wholeLetter.test(prefix) && choices.ofText(prefix, true) === undefined
      ? undefined
      : readWhole(prefix, choices),
  );
  if (opened !== undefined) {
    return opened.reading === 'none'
      ? 'none'
      : unlessRefused(opened.reading, text.slice(opened.end), choices);
  }
  return readLetter(text, choices, isStated);
}

/** The choice, where what follows neither takes it back nor goes on to list others. */
function unlessRefused(choice: Readable, after: string, choices: Choices): Reading {
  if (takenBack.test(after.replace(/^[)\]"']+/, ''))) return 'none';
  const next = after.replace(/^(?:[\s.,;:/&+)\]"'。，、；]|and\b|or\b)*/i, '');
  const listed = openedByText(next, choices, (prefix) => readWhole(prefix, choices))?.reading;
  if (listed !== undefined && (listed === 'none' || !isSame(listed, choice))) return 'none';
  // Whoever goes through the choices begins with the first.
  return choice === choices.all[0] && namesAnother(after, choice, choices) ? 'none' : choice;
}

/** Whether another choice stands behind under its letter. */
function namesAnother(words: string, choice: Readable, choices: Choices): boolean {
  const others = choices.all.filter((other) => !isSame(other, choice));
  return others.some((other) =>
    [...words.matchAll(new RegExp(`(?:^|[\\s(])${other.letter}\\s?[.):]\\s?`, 'g'))].some(
      ({ index, 0: found }) =>
        openedByText(words.slice(index + found.length), choices, (prefix) =>
          choices.fits(prefix, other) ? other : undefined,
        ) !== undefined,
    ),
  );
}

const openingLetter = new RegExp(
  `^(${noun})?([([{]?)\\s*([A-Za-z])\\s*([)\\]}]?)(?![\\p{Script=Latin}\\p{N}+]|[-'][\\p{L}\\p{N}])`,
  'iu',
);
const anotherLetter =
  /^\s*(?:(?:,|、|，|\/|&|\+|;|\band\b|\bor\b|和|或|y|o|et|ou|und|oder|e|или|и)\s*(?:[Oo]ption\s+)?[([]?([A-Z])\b|[.:)]\s*[([]?([A-Z])(?:[.:,;)\]]|\s*$)|\n[([]?([A-Z])[)\].:]?\s*(?:\n|$))/;

type OpeningLetter = {
  readonly choice: Readable;
  readonly after: string;
  /** A word, bracket or stop says that it is a letter and no word. */
  readonly isLabelled: boolean;
};

function openingLetterOf(
  text: string,
  choices: Choices,
  isStated: boolean,
): OpeningLetter | undefined {
  const match = openingLetter.exec(text);
  const choice = choices.ofLetter(match?.[3]);
  if (match === null || choice === undefined) return undefined;
  const [opening, named, open, letter = '', close] = match;
  const after = text.slice(opening.length);
  const isSmall = letter === letter.toLowerCase();
  const ends = /^\s*(?:[.:,;!?"'}\])\n。，]|$)/.test(after);
  if (isSmall && !(close || named || (isStated && ends))) return undefined;
  return { choice, after, isLabelled: Boolean(named || open || close) };
}

function readLetter(text: string, choices: Choices, isStated: boolean): Reading | undefined {
  const opening = openingLetterOf(text, choices, isStated);
  if (opening === undefined) return undefined;
  const { choice, after, isLabelled } = opening;
  const words = after.replace(/^\s*(?:[:;)\]("']|[.,-](?!\d))*\s*/, '');
  if (!beginsWith(words, choice) && isRefused(words, after, choice, choices)) return 'none';
  const [, joined, next, below] = anotherLetter.exec(after) ?? [];
  const other = choices.ofLetter(joined ?? next ?? below);
  if (other !== undefined && !isSame(other, choice)) return 'none';
  if (namesAnother(words, choice, choices)) return 'none';
  const isChosen = isLabelled || words === '' || setOff.test(after) || calledRight.test(after);
  return isChosen ? choice : undefined;
}

/** Whether what follows a letter takes it back, or is the text of another choice. */
function isRefused(words: string, after: string, choice: Readable, choices: Choices): boolean {
  if (takenBack.test(after)) return true;
  const found = openedByText(words, choices, (prefix) => choices.ofText(prefix));
  return found !== undefined && found.reading !== choice;
}

/** Letters that are looked at, from the end. */
const mostCalled = 20;

/**
 * Letters of which it is said that they are right: "A is wrong, B is correct". Those in texts of choices are not.
 */
export function readCalledRight(text: string, choices: Choices): readonly Readable[] {
  const letters = text.matchAll(/(?<![\p{L}\p{N}])[([]?([A-Z])(?![\p{Script=Latin}\p{N}])/gu);
  const called = [...letters].filter(({ index, 0: found }) => {
    const after = text.slice(index + found.length, index + found.length + 60);
    return calledRight.test(after) && beforeLetter.test(text.slice(Math.max(0, index - 20), index));
  });
  const spans = choices.all.flatMap((choice) => spansOf(choice.forms[0] ?? '', text));
  return called.slice(-mostCalled).flatMap(({ index, 1: letter }) => {
    const isWithin = spans.some(([from, to]) => from <= index && index < to);
    return (isWithin ? undefined : choices.ofLetter(letter)) ?? [];
  });
}

/** Where a text that itself speaks of letters stands. */
function spansOf(part: string, text: string): (readonly [from: number, to: number])[] {
  if (!/(?<![\p{L}\p{N}])[A-Z](?![\p{L}\p{N}])/u.test(part)) return [];
  const spans: (readonly [number, number])[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) {
    spans.push([at, at + part.length]);
  }
  return spans;
}

/** Whether the choice's own text follows, however it goes on. */
function beginsWith(words: string, { forms }: Readable): boolean {
  const [raw = '', , rule = ''] = forms;
  if (words.startsWith(raw)) return true;
  return (
    rule !== '' &&
    `${normaliseAnswer(words.slice(0, 4 * raw.length + 200))} `.startsWith(`${rule} `)
  );
}

/** Texts that stand in many sentences without naming a choice. */
const isCommon = (form: string) => form.length < 4 || /^(?:maybe|none|true|false|both)$/.test(form);

/** The one choice that is mentioned anywhere, by text or as "option B", where nothing is denied. */
export function readMention(text: string, choices: Choices): Reading | undefined {
  let rest = ` ${normaliseAnswer(text)} `;
  const named: Readable[] = [];
  const byLength = choices.all
    .map((choice) => ({ choice, form: choice.forms[2] ?? '' }))
    .toSorted((a, b) => b.form.length - a.form.length);
  for (const { choice, form } of byLength) {
    if (form === '' || !rest.includes(` ${form} `)) continue;
    // Where two choices share the form, the words may mean either.
    if (choices.ofText(choice.forms[2] ?? '') === undefined) return 'none';
    rest = rest.replaceAll(` ${form} `, '  ');
    if (!isCommon(form)) named.push(choice);
  }
  if (negation.test(rest)) return undefined;
  const letters = text.matchAll(
    /\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer)\s+[([]?([A-Z])\b|\(([A-Z])\)/g,
  );
  const lettered = [...letters].flatMap(
    ([, labelled, bracketed]) => choices.ofLetter(labelled ?? bracketed) ?? [],
  );
  return agreed([...named, ...lettered]);
}
