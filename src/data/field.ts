/** Values of a row as texts. */
import { createContext, Script } from 'node:vm';
import type { Field } from '../config/columns-config.ts';
import { fail, messageOf } from '../core/errors.ts';
import { oneLine, quoted } from '../core/quoted.ts';

/** A row by its columns, as the file has it. */
export type Fields = Readonly<Record<string, unknown>>;

/** A text or number, trimmed; undefined where there is nothing, NaN, or something else. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() || undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  return typeof value === 'bigint' ? String(value) : undefined;
}

/** What a field stands for in a row. A pattern that does not match leaves nothing. */
export function readField(fields: Fields, field: Field): string | undefined {
  if (typeof field === 'string') return textOf(fields[field]);
  const value = textOf(fields[field.column]);
  if (value === undefined) return undefined;
  const [whole, group] = matchOf(field.pattern, value) ?? [];
  return textOf(group ?? whole);
}

/** A pattern comes with the task, and some patterns take longer than anybody waits for some texts. */
const patternDeadlineMs = 5_000;
const matching = createContext(Object.create(null));
const match = new Script('new RegExp(pattern, "s").exec(value)?.slice(0, 2)');

/** The whole match and its first group. */
function matchOf(pattern: string, value: string): readonly (string | undefined)[] | undefined {
  Object.assign(matching, { pattern, value });
  try {
    return match.runInContext(matching, { timeout: patternDeadlineMs });
  } catch (error) {
    return fail(
      'config',
      {
        where: `pattern ${quoted(pattern, 100)}`,
        expected: 'one that matches or fails soon',
        got: `${oneLine(messageOf(error))} on a text of ${value.length} characters`,
        next: 'write it without repetitions within repetitions',
      },
      error,
    );
  }
}

/** The column that a field is or is a part of. */
export function columnOf(field: Field): string {
  return typeof field === 'string' ? field : field.column;
}
