/** Work on several items at once whose results leave in the order of the items. */
import { defined } from '../errors.ts';
import { linkSignals } from './abort.ts';

export type InWork<T> = {
  /** Items in work at once, at least 1. */
  readonly atOnce: number;
  /** Bytes that an item holds. @default 0 */
  readonly bytesOf?: (item: T) => number;
  /** No further item begins while those in work hold more. @default no limit */
  readonly maxBytes?: number;
};

/**
 * Yields one result per item, in order; memory holds the items in work only. One slow item holds up those
 * behind it after `atOnce` of them have begun. A consumer that stops early cancels what is in work.
 *
 * @throws what `work` throws, in the item's turn; then nothing further is begun.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  { atOnce, bytesOf = () => 0, maxBytes = Number.POSITIVE_INFINITY }: InWork<T>,
  signal: AbortSignal,
): AsyncGenerator<R> {
  const begun: { readonly result: Promise<R>; readonly bytes: number }[] = [];
  const scope = linkSignals(signal);
  let held = 0;
  const oldest = () => {
    const { result, bytes } = defined(begun.shift(), 'an item in work');
    held -= bytes;
    return result;
  };
  try {
    for await (const item of items) {
      const result = work(item, scope.signal);
      // Awaited in its turn; until then a failure must not count as unhandled.
      result.catch(() => undefined);
      const bytes = bytesOf(item);
      begun.push({ result, bytes });
      held += bytes;
      while (begun.length >= atOnce || (held > maxBytes && begun.length > 0)) yield await oldest();
    }
    while (begun.length > 0) yield await oldest();
  } finally {
    scope.abort();
    scope.unlink();
  }
}
