/**
 * What a resumed run may change in its config: some fields freely, since the run goes the same way; most if they are
 * allowed by name, since what comes then belongs to two configs; and a few never.
 */
import { fail, MedixError } from '../core/errors.ts';
import { oneLine, quoted } from '../core/quoted.ts';

/** Fields and sections that a run was built on: to change them is to start another run. */
const fixedFields = ['model', 'data', 'seed', 'out'];

const connection = [
  ...['url', 'apiKeyEnv', 'concurrency', 'requestsPerMinute', 'deadlineMs', 'attempts'],
  ...['hedgeAfterMs', 'cache', 'prices', 'cap'],
];

/**
 * How far a run goes, what it keeps and where the same things are. With `iterations` the end of a cosine schedule
 * moves too.
 */
const freeFields = [
  'iterations',
  'track',
  'monitor',
  ...['checkpoint.every', 'checkpoint.keepLast', 'validation.patience', 'record'],
  ...['engine.cache', 'data.imageRoot', 'data.textOnly', 'data.cache'],
  ...connection.map((name) => `reward.judge.${name}`),
  ...connection.map((name) => `reward.embedder.${name}`),
];

/** Undefined where the config has no such field. */
export type ConfigChange = { readonly field: string; readonly was: unknown; readonly is: unknown };

/** Leaves in which two configs differ, in the order of the second; lists are compared whole. */
export function configChanges(was: unknown, is: unknown, field = ''): readonly ConfigChange[] {
  if (!isSection(was) || !isSection(is)) {
    return JSON.stringify(was) === JSON.stringify(is) ? [] : [{ field, was, is }];
  }
  const names = new Set([...Object.keys(is), ...Object.keys(was)]);
  return [...names].flatMap((name) =>
    configChanges(was[name], is[name], field === '' ? name : `${field}.${name}`),
  );
}

/**
 * @param allowed fields, or sections of fields, that may change beside the free ones
 * @throws MedixError 'config' with each change that is not allowed: what it was, what it is and how to allow it
 */
export function requireAllowedChanges(
  changes: readonly ConfigChange[],
  allowed: readonly string[],
): void {
  const fixed = changes.filter(({ field }) => isAmong(field, fixedFields) && !isFree(field));
  if (fixed.length > 0) {
    fail('config', {
      where: fixed.map(({ field }) => field).join(', '),
      expected: `no change to ${fixedFields.join(', ')} of a run that has begun`,
      got: fixed.map(describeChange).join('; '),
      next: 'leave it out, or start a new run',
    });
  }
  const others = changes.filter(({ field }) => !isFree(field) && !isAmong(field, allowed));
  if (others.length === 0) return;
  throw new MedixError(
    'config',
    others.map(({ field, was, is }) => ({
      where: field,
      expected: `${show(was)}, as the run has had it so far`,
      got: show(is),
      next: `leave it out, or resume with --allow ${field}: from then on the run is another one`,
    })),
  );
}

/** For people, e.g. `optimizer.learningRate was 0.001, is 0.0001`. */
export function describeChange({ field, was, is }: ConfigChange): string {
  return `${field} was ${show(was)}, is ${show(is)}`;
}

function isFree(field: string): boolean {
  return isAmong(field, freeFields);
}

/** Whether it is one of them or within one of them. */
function isAmong(field: string, fields: readonly string[]): boolean {
  return fields.some((one) => field === one || field.startsWith(`${one}.`));
}

function show(value: unknown): string {
  if (value === undefined) return 'not given';
  return typeof value === 'string' ? quoted(value) : oneLine(JSON.stringify(value));
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
