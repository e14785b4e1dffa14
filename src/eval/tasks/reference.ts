/** The right answer of a row. */
import { quoted } from '../../core/quoted.ts';
import { columnOf, type Fields, readField, textOf } from '../../data/field.ts';
import { parseListLiteral } from '../../data/list-literal.ts';
import { type ChoiceSlots, choicesOf } from './choices.ts';
import { plainText } from './plain-text.ts';
import { type Choice, RowProblem } from './sample.ts';
import type { ReferenceRule } from './task-schema.ts';

export type Reference = {
  readonly text: string;
  /** Absent where there are no choices. */
  readonly letter?: string;
  readonly accepted: readonly string[];
};

/**
 * @param slots empty for a question without choices
 * @param origin what the numbers of choices count from
 */
export function referenceOf(
  rule: ReferenceRule,
  fields: Fields,
  slots: ChoiceSlots,
  origin: 0 | 1,
): Reference {
  if ('index' in rule) return ofChoice(choiceAt(slots, fields[rule.index], origin));
  const column = 'letter' in rule ? rule.letter : columnOf(rule.text);
  const whole = plainText(fields[column], `the reference answer (${column})`);
  const answer = 'text' in rule ? readField(fields, rule.text) : whole;
  if (answer === undefined) throw new RowProblem('empty-reference', 'no reference answer');
  const choices = choicesOf(slots);
  if (choices.length > 0) {
    return ofChoice(
      'text' in rule ? namedChoice(choices, answer) : letteredChoice(choices, answer),
    );
  }
  const [text = answer, ...accepted] =
    ('letter' in rule ? parseListLiteral(answer)?.flatMap((item) => textOf(item) ?? []) : []) ?? [];
  return { text, accepted };
}

function ofChoice({ letter, text }: Choice): Reference {
  return { text, letter, accepted: [] };
}

function choiceAt(slots: ChoiceSlots, value: unknown, origin: 0 | 1): Choice {
  const written = plainText(value, 'the number of a choice');
  if (written === undefined) throw new RowProblem('empty-reference', 'no number of a choice');
  const number = Number(written);
  const choice = Number.isInteger(number) ? slots[number - origin] : undefined;
  if (choice) return choice;
  throw new RowProblem(
    'choice-out-of-range',
    `choice ${show(written)}, counted from ${origin}, of ${choicesOf(slots).length}`,
  );
}

function letteredChoice(choices: readonly Choice[], answer: string): Choice {
  const letter = /^\(?([A-Za-z])[).:]?$/.exec(answer)?.[1]?.toUpperCase();
  const choice = choices.find((candidate) => candidate.letter === letter);
  if (choice) return choice;
  throw unknownAnswer(choices, answer);
}

/** The one choice that reads like the answer; where none does, the one of that letter. */
function namedChoice(choices: readonly Choice[], answer: string): Choice {
  const alike = choices.filter(({ text }) => plain(text) === plain(answer));
  if (alike.length > 1) {
    throw new RowProblem(
      'unknown-answer',
      `${show(answer)} is the text of ${alike.length} choices`,
    );
  }
  return alike[0] ?? letteredChoice(choices, answer);
}

function unknownAnswer(choices: readonly Choice[], answer: string): RowProblem {
  const letters = choices.map(({ letter }) => letter).join(', ');
  return new RowProblem('unknown-answer', `${show(answer)} is none of the choices ${letters}`);
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll(/\s+/g, ' ').replace(/\.$/, '').trim();
}

function show(text: string): string {
  return quoted(text, 60);
}
