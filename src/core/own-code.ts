/**
 * What comes back from code that is not ours. Whatever it throws, and whatever is no outcome, is `unscored`
 * with a message that names it: a fault of that code ends no run and never becomes a number.
 */
import { inspect } from 'node:util';
import { z } from 'zod';
import { onAbort } from './async/abort.ts';
import { messageOf } from './errors.ts';
import { cancelled, failureCauses, type Unscored } from './outcome.ts';

/** A failure as foreign code states it. */
export const unscoredSchema = z.object({
  kind: z.literal('unscored'),
  cause: z.enum(failureCauses),
  message: z.string(),
});

export type OwnCode<Outcome> = {
  /** Whose code it is, for messages, e.g. `reward component brevity`. */
  readonly who: string;
  /** How many outcomes there must be. */
  readonly count: number;
  readonly schema: z.ZodType<Outcome>;
  /** What an outcome is, in words. */
  readonly expected: string;
};

/** As many outcomes as were wanted, in order; all of them `cancelled` once the signal aborts. */
export async function outcomesOf<Outcome>(
  ask: () => unknown,
  { who, count, schema, expected }: OwnCode<Outcome>,
  signal: AbortSignal,
): Promise<readonly (Outcome | Unscored)[]> {
  const all = (outcome: Unscored) => Array.from({ length: count }, () => outcome);
  const stopped = aborted(signal);
  try {
    const answers = await Promise.race([(async () => ask())(), stopped.promise]);
    if (signal.aborted) return all(cancelled);
    if (!Array.isArray(answers)) return all(unreadable(who, 'a list of outcomes', answers));
    if (answers.length !== count) {
      return all(unreadable(who, `a list of ${count}, one an item`, answers));
    }
    return answers.map((answer: unknown) => {
      const read = schema.safeParse(answer);
      return read.success ? read.data : unreadable(who, expected, answer);
    });
  } catch (error) {
    if (signal.aborted) return all(cancelled);
    const message = `${who} threw: ${messageOf(error)}`;
    return all({ kind: 'unscored', cause: 'unparsable', message });
  } finally {
    stopped.forget();
  }
}

function unreadable(who: string, expected: string, got: unknown): Unscored {
  const shown = inspect(got, { depth: 2, breakLength: Number.POSITIVE_INFINITY }).slice(0, 200);
  const message = `${who} gave ${shown}; expected ${expected}`;
  return { kind: 'unscored', cause: 'unparsable', message };
}

/** Code that does not heed the signal must not hold up who wants to stop. */
function aborted(signal: AbortSignal) {
  let forget = () => {};
  const promise = new Promise<void>((resolve) => {
    forget = onAbort(signal, resolve);
  });
  return { promise, forget: () => forget() };
}
