/**
 * The second pass of a stage: what failed for a reason that may have gone by the end of the stage is asked
 * once more, so that no answer is lost to a server that was down for a while.
 */
import { notApplicable } from '../results/records.ts';
import type { StageEnd } from './progress.ts';

type Outcome = { readonly kind: string; readonly cause?: string };

/** The server, and not the question, was the reason. */
const passing: ReadonlySet<string | undefined> = new Set(['timeout', 'transport']);
/** A server that is asked too much refuses as well; but one that refuses everything will do so again. */
const refused = 'refused';

export type Failures = {
  /** @param reasons further failures behind that of the outcome, e.g. of single votes */
  add(key: string, outcome: Outcome, reasons?: readonly Outcome[]): void;
  /** Keys worth another request. @param somethingWorked whether anything else in the stage did not fail */
  worthAsking(somethingWorked: boolean): ReadonlySet<string>;
};

/**
 * Works through all tasks, then once more through what is worth it.
 *
 * @param pass works on one task: on what is open, or on the keys that it is given
 * @param isBounded whether only a part of the open work is to be done, which a second pass would exceed
 */
export async function inTwoPasses<Task>(
  tasks: readonly Task[],
  isBounded: boolean,
  pass: (task: Task, failures: Failures, only?: ReadonlySet<string>) => Promise<StageEnd>,
): Promise<StageEnd> {
  const failures = new Map(tasks.map((task) => [task, collectFailures()]));
  let done = 0;
  let failed = 0;
  for (const [task, own] of failures) {
    const end = await pass(task, own);
    done += end.done;
    failed += end.failed;
    if (end.stopped !== undefined) return { done, failed, stopped: end.stopped };
  }
  if (isBounded) return { done, failed };
  const somethingWorked = done > failed;
  for (const [task, own] of failures) {
    const keys = own.worthAsking(somethingWorked);
    if (keys.size === 0) continue;
    const end = await pass(task, collectFailures(), keys);
    failed -= end.done - end.failed;
    if (end.stopped !== undefined) return { done, failed, stopped: end.stopped };
  }
  return { done, failed };
}

function collectFailures(): Failures {
  const failed = new Map<string, ReadonlySet<string | undefined>>();
  return {
    add: (key, outcome, reasons = []) => {
      if (outcome.kind !== 'failed' || outcome.cause === notApplicable) return;
      const causes = [outcome, ...reasons].map(({ cause }) => cause);
      failed.set(key, new Set(causes));
    },
    worthAsking: (somethingWorked) =>
      new Set(
        [...failed].flatMap(([key, causes]) => {
          const mayPass = [...causes].some((cause) => passing.has(cause));
          return mayPass || (somethingWorked && causes.has(refused)) ? [key] : [];
        }),
      ),
  };
}
