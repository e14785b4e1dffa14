/** Schema violations as problems a user can act on. */
import type { z } from 'zod';
import type { Problem } from '../core/errors.ts';
import { exactJson } from '../core/exact-json.ts';
import { oneLine } from '../core/quoted.ts';
import type { Field } from './field-list.ts';

/** Unknown keys that are compared with the known ones; more are no slips of the pen. */
const compared = 100;

type Issue = z.core.$ZodIssue;

/** @param where turns a field's dotted path into the place it was set. */
export function problemsOf(
  error: z.ZodError,
  values: unknown,
  fields: readonly Field[],
  where: (path: string) => string,
): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key, place) =>
        unknownKey(path === '' ? key : `${path}.${key}`, place < compared ? fields : [], where),
      );
    }
    const missing = fields.filter((field) => field.required && field.path.startsWith(`${path}.`));
    if (valueAt(values, issue.path) === undefined && missing.length > 0) {
      return missing.map((field) => ({
        where: where(field.path),
        expected: 'a value',
        got: 'nothing',
        next: `set it: ${lowerFirst(field.description)}`,
      }));
    }
    const field = fields.find((candidate) => candidate.path === path);
    const value = valueAt(values, issue.path);
    const action = value === undefined ? 'set it' : 'correct it';
    return {
      where: where(path === '' ? '(whole config)' : path),
      expected: expectation(issue),
      got: issue.code === 'invalid_key' ? show(issue.path.at(-1)) : show(value),
      next: field ? `${action}: ${lowerFirst(field.description)}` : action,
    };
  });
}

const longestName = 200;

function unknownKey(
  key: string,
  fields: readonly Field[],
  where: (path: string) => string,
): Problem {
  const path = oneLine(key, 100);
  // No field has so long a name, and to compare it with all of them takes its time.
  const closest = (key.length <= longestName ? fields : [])
    .map((field) => field.path)
    .map((known) => ({ known, distance: editDistance(known, path) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const similar = closest && closest.distance <= Math.max(2, path.length / 3);
  return {
    where: where(path),
    expected: 'a known field',
    got: 'an unknown one',
    next: similar
      ? `did you mean ${closest.known}? Otherwise remove it`
      : 'remove it; `--help` lists the fields',
  };
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int' ? 'a whole number' : `${article(issue.expected)}`;
    case 'too_small':
      return issue.origin === 'string'
        ? 'some text'
        : `a number ${issue.inclusive ? 'of at least' : 'above'} ${issue.minimum}`;
    case 'too_big':
      return `a number ${issue.inclusive ? 'of at most' : 'below'} ${issue.maximum}`;
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'invalid_format':
      return `a valid ${issue.format}`;
    case 'invalid_union':
      return issue.message === 'Invalid input' ? 'one of the forms that follow' : issue.message;
    case 'invalid_key':
      return issue.issues.map(({ message }) => message).join(' and ');
    default:
      return issue.message;
  }
}

function article(type: string): string {
  const names: Record<string, string> = {
    object: 'a section with fields',
    string: 'text',
    number: 'a number',
    boolean: 'true or false',
  };
  return names[type] ?? type;
}

function valueAt(values: unknown, path: readonly PropertyKey[]): unknown {
  let value = values;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.entries(value).find(([name]) => name === String(key))?.[1];
  }
  return value;
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : oneLine(exactJson(value), 100);
}

/** Leaves names such as KL and AdamW as they are. */
function lowerFirst(text: string): string {
  const isName = /^[A-Z]+[a-z]*[A-Z]/.test(text);
  return isName ? text : text.charAt(0).toLowerCase() + text.slice(1);
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substituted, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
