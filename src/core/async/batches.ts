/** Joins single calls into batches: what comes in while others are under way goes out together. */
import { onAbort } from './abort.ts';

type Waiting<Item, Result> = {
  readonly item: Item;
  readonly signal: AbortSignal;
  readonly settle: (result: Result | null) => void;
};

/**
 * @param work Gives one result for each item, in the same order; must not reject. Its signal aborts when
 *   all callers whose items are in the batch have given up.
 * @returns the item's result; null for one whose caller gave up
 */
export function createBatcher<Item, Result>(
  work: (items: readonly Item[], signal: AbortSignal) => Promise<readonly (Result | null)[]>,
  { largest, atOnce }: { readonly largest: number; readonly atOnce: number },
): (item: Item, signal: AbortSignal) => Promise<Result | null> {
  let waiting: Waiting<Item, Result>[] = [];
  let working = 0;
  let isPlanned = false;

  const send = async (batch: readonly Waiting<Item, Result>[]) => {
    working++;
    const controller = new AbortController();
    let interested = batch.length;
    const stops = batch.map(({ signal, settle }) =>
      onAbort(signal, () => {
        settle(null);
        interested--;
        if (interested === 0) controller.abort();
      }),
    );
    const items = batch.map(({ item }) => item);
    const results = await work(items, controller.signal);
    for (const stop of stops) stop();
    for (const [place, { settle }] of batch.entries()) settle(results[place] ?? null);
    working--;
    sendWaiting();
  };

  const sendWaiting = () => {
    waiting = waiting.filter(({ signal, settle }) => {
      if (signal.aborted) settle(null);
      return !signal.aborted;
    });
    while (waiting.length > 0 && working < atOnce) {
      const batch = waiting.slice(0, largest);
      waiting = waiting.slice(largest);
      void send(batch);
    }
  };

  /** At the end of this turn, so that calls that are made together leave together. */
  const plan = () => {
    if (isPlanned) return;
    isPlanned = true;
    setImmediate(() => {
      isPlanned = false;
      sendWaiting();
    });
  };

  return (item, signal) =>
    new Promise((settle) => {
      waiting.push({ item, signal, settle });
      plan();
    });
}
