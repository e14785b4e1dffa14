/**
 * Errors a user can act on. One class per boundary; the message says where, what was expected, what
 * was found and what to do next. Anything else that is thrown is a defect of MediX.
 */

import { z } from 'zod';
import { shortened } from './shortened.ts';

export type ErrorBoundary =
  | 'config'
  | 'data'
  | 'model'
  | 'engine'
  | 'judge'
  | 'reward'
  | 'run'
  | 'cancelled';

/** The four facts that every user-facing error states. */
export type Problem = {
  /** File, row, option or component, e.g. `train.yaml: rollout.groupSize`. */
  readonly where: string;
  readonly expected: string;
  readonly got: string;
  /** The next action, as an imperative clause. */
  readonly next: string;
};

/** Problems that a message shows; a person corrects a few at a time. */
const shownProblems = 25;

export class MedixError extends Error {
  readonly boundary: ErrorBoundary;
  readonly problems: readonly Problem[];

  constructor(boundary: ErrorBoundary, problems: readonly Problem[], options?: ErrorOptions) {
    super(formatProblems(problems), options);
    this.name = 'MedixError';
    this.boundary = boundary;
    this.problems = problems;
  }
}

/** On one line. What others wrote, e.g. a value of 1 MB, is cut, and said to be. */
export function formatProblem({ where, expected, got, next }: Problem): string {
  const place = shortened(where, longestPlace);
  const found = `expected ${shortened(expected, longestValue)}, got ${shortened(got, longestValue)}`;
  return `${place}: ${found}; ${shortened(next, longestPlace)}`;
}

/** Places and next steps may hold paths, values are of anybody. */
const longestPlace = 1000;
const longestValue = 500;

function formatProblems(problems: readonly Problem[]): string {
  const lines = problems.slice(0, shownProblems).map(formatProblem);
  if (problems.length > shownProblems) {
    lines.push(
      formatProblem({
        where: 'in all',
        expected: 'no problems',
        got: `${problems.length.toLocaleString('en')}, of which these are the first ${shownProblems}`,
        next: 'correct them and run the command again',
      }),
    );
  }
  return lines.join('\n');
}

/** Throws a {@link MedixError} with one problem. */
export function fail(boundary: ErrorBoundary, problem: Problem, cause?: unknown): never {
  throw new MedixError(boundary, [problem], cause === undefined ? undefined : { cause });
}

/** Asserts what MediX itself guarantees; a failure is a defect of MediX, never of its input. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`internal: ${message}`);
}

/** Asserts what the code that calls must see to; {@link RangeError} otherwise. */
export function requireArguments(condition: unknown, expected: string): asserts condition {
  if (!condition) throw new RangeError(`expected ${expected}`);
}

/** Narrows away `undefined`; for lookups that cannot miss. */
export function defined<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`internal: ${what} is missing`);
  return value;
}

/** The message of anything that was thrown; of a value that misses its schema the first few issues. */
export function messageOf(error: unknown): string {
  if (error instanceof z.core.$ZodError) return describeIssues(error.issues);
  return error instanceof Error ? error.message : String(error);
}

const shownIssues = 3;

function describeIssues(issues: readonly z.core.$ZodIssue[]): string {
  const shown = issues.slice(0, shownIssues).map(({ path, message }) => {
    const what = shortened(message, 320);
    return path.length === 0 ? what : `${shortened(path.join('.'), 160)}: ${what}`;
  });
  const others = issues.length - shown.length;
  return [...shown, ...(others > 0 ? [`and ${others.toLocaleString('en')} more`] : [])].join('; ');
}
