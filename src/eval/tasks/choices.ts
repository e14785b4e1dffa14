/** The choices of a row under their letters. */
import type { Fields } from '../../data/field.ts';
import { parseListLiteral } from '../../data/list-literal.ts';
import { plainText } from './plain-text.ts';
import { type Choice, RowProblem } from './sample.ts';
import type { ChoicesRule } from './task-schema.ts';

/** A choice in its place; places that a row leaves empty hold undefined. */
export type ChoiceSlots = readonly (Choice | undefined)[];

/**
 * Letters go by place, A for the first; an object's own one-letter keys stay. Empty choices keep their
 * place, so that numbers and letters still mean the same.
 */
export function choiceSlots(rule: ChoicesRule, fields: Fields): ChoiceSlots {
  const slots = withoutLabels(
    listed(rule, fields).map(([letter, value]) => {
      const text = plainText(value, `choice ${letter}`);
      return text === undefined ? undefined : { letter, text };
    }),
  );
  if (slots.length > 26) throw new RowProblem('malformed', `${slots.length} choices, over 26`);
  return slots;
}

export function choicesOf(slots: ChoiceSlots): Choice[] {
  return slots.flatMap((slot) => slot ?? []);
}

function listed(rule: ChoicesRule, fields: Fields): [letter: string, value: unknown][] {
  if ('fixed' in rule) return rule.fixed.map(withLetter);
  if ('columns' in rule) return rule.columns.map((column) => fields[column]).map(withLetter);
  const value = fields[rule.column];
  if (Array.isArray(value)) return value.map(withLetter);
  if (typeof value === 'string') {
    const items = parseListLiteral(value);
    if (!items) throw new RowProblem('malformed', `${rule.column}: a text that is no list`);
    return items.map(withLetter);
  }
  if (typeof value !== 'object' || value === null) {
    throw new RowProblem('missing-column', `${rule.column}: no list of choices`);
  }
  const entries = Object.entries(value);
  return entries.every(([key]) => /^[A-Z]$/.test(key))
    ? entries
    : entries.map(([, item]) => item).map(withLetter);
}

function withLetter(value: unknown, place: number): [string, unknown] {
  return [String.fromCharCode('A'.charCodeAt(0) + place), value];
}

/** Takes `A: `, `(A) `, `A. ` off where every choice carries its own letter so, as in PMC-VQA. */
function withoutLabels(slots: ChoiceSlots): ChoiceSlots {
  const label = ({ letter, text }: Choice) =>
    new RegExp(`^\\(?${letter}\\s*[:.)]\\s*(?=\\S)`).exec(text);
  const choices = choicesOf(slots);
  if (choices.length < 2 || !choices.every((choice) => label(choice))) return slots;
  return slots.map(
    (slot) => slot && { ...slot, text: slot.text.slice(label(slot)?.[0].length ?? 0) },
  );
}
