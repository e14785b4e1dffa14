/** Values of a row as texts. */
import type { Field } from './task-schema.ts';

/** A row by its columns, as the file has it. */
export type Fields = Readonly<Record<string, unknown>>;

/** A text or number, trimmed; undefined where there is nothing, or something else. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() || undefined;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}

/** What a field stands for in a row. A pattern that does not match leaves nothing. */
export function readField(fields: Fields, field: Field): string | undefined {
  if (typeof field === 'string') return textOf(fields[field]);
  const value = textOf(fields[field.column]);
  if (value === undefined) return undefined;
  const match = new RegExp(field.pattern, 's').exec(value);
  return textOf(match?.[1] ?? match?.[0]);
}
