/**
 * Errors a user can act on. One class per boundary; the message says where, what was expected, what
 * was found and what to do next. Anything else that is thrown is a defect of MediX.
 */

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

export class MedixError extends Error {
  readonly boundary: ErrorBoundary;
  readonly problems: readonly Problem[];

  constructor(boundary: ErrorBoundary, problems: readonly Problem[], options?: ErrorOptions) {
    super(problems.map(formatProblem).join('\n'), options);
    this.name = 'MedixError';
    this.boundary = boundary;
    this.problems = problems;
  }
}

export function formatProblem(problem: Problem): string {
  return `${problem.where}: expected ${problem.expected}, got ${problem.got}; ${problem.next}`;
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

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
