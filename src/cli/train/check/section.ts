/** One part of a plan: what was found, and what speaks against the run. */
import { formatProblem, MedixError } from '../../../core/errors.ts';

/** From harmless to fatal. A run may start unless something stops it. */
const verdicts = ['fine', 'not checked', 'look', 'stops'] as const;
type Verdict = (typeof verdicts)[number];

export type Remark = {
  readonly verdict: Exclude<Verdict, 'fine'>;
  /** A sentence or two for people. */
  readonly text: string;
};

export type Section<Facts> = {
  /** The worst of its remarks. */
  readonly verdict: Verdict;
  readonly remarks: readonly Remark[];
  /** Null where nothing could be found out; a remark says why. */
  readonly facts: Facts | null;
};

export function sectionOf<Facts>(facts: Facts | null, remarks: readonly Remark[]): Section<Facts> {
  const worst = Math.max(0, ...remarks.map(({ verdict }) => verdicts.indexOf(verdict)));
  return { verdict: verdicts[worst] ?? 'fine', remarks, facts };
}

export function look(text: string): Remark {
  return { verdict: 'look', text };
}

export function notChecked(text: string): Remark {
  return { verdict: 'not checked', text };
}

export function stops(text: string): Remark {
  return { verdict: 'stops', text };
}

/** What an attempt gave, or why the run could not start. */
export type Attempt<Value> =
  | { readonly kind: 'done'; readonly value: Value }
  | { readonly kind: 'stopped'; readonly remarks: readonly Remark[] };

/**
 * Does what a run would do; what the user would be told then becomes remarks.
 * @throws whatever is no {@link MedixError}, and anything once the signal has aborted
 */
export async function attempt<Value>(
  signal: AbortSignal,
  work: () => Promise<Value> | Value,
): Promise<Attempt<Value>> {
  try {
    return { kind: 'done', value: await work() };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof MedixError)) throw error;
    return {
      kind: 'stopped',
      remarks: error.problems.map((problem) => stops(formatProblem(problem))),
    };
  }
}

/** Why an attempt came to nothing; nothing where it did not. */
export function remarksOf(tried: Attempt<unknown>): readonly Remark[] {
  return tried.kind === 'done' ? [] : tried.remarks;
}
