/** Errors on their way between threads, which structured clone would turn into plain ones. */
import { type ErrorBoundary, MedixError, messageOf, type Problem } from '../../../core/errors.ts';

export type Failure = (
  | {
      readonly kind: 'told';
      readonly boundary: ErrorBoundary;
      readonly problems: readonly Problem[];
    }
  | { readonly kind: 'other'; readonly name: string; readonly message: string }
) & {
  readonly stack: string | undefined;
  /** Of the system, e.g. ENOSPC. */
  readonly code: string | undefined;
  readonly cause: Failure | undefined;
};

export function failureOf(error: unknown): Failure {
  const { stack, cause, code }: Partial<NodeJS.ErrnoException> =
    error instanceof Error ? error : {};
  const rest = { stack, code, cause: cause === undefined ? undefined : failureOf(cause) };
  if (error instanceof MedixError) {
    const { boundary, problems } = error;
    return { kind: 'told', boundary, problems, ...rest };
  }
  const name = error instanceof Error ? error.name : 'Error';
  return { kind: 'other', name, message: messageOf(error), ...rest };
}

export function errorOf(failure: Failure): Error {
  const options = failure.cause === undefined ? undefined : { cause: errorOf(failure.cause) };
  const error =
    failure.kind === 'told'
      ? new MedixError(failure.boundary, failure.problems, options)
      : Object.assign(new Error(failure.message, options), { name: failure.name });
  if (failure.code !== undefined) Object.assign(error, { code: failure.code });
  // Where it happened, not where it arrived.
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}
