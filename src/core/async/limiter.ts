/** Limits how many callers work at once; the rest wait in the order they came, and may give up. */
import { onAbort } from './abort.ts';

/** Gives the place back; to be called once. */
type Release = () => void;

export type Limiter = {
  /** Resolves with a place, or with undefined as soon as `signal` aborts. */
  acquire(signal: AbortSignal): Promise<Release | undefined>;
  /** A place if one is free this moment. */
  tryAcquire(): Release | undefined;
};

type Waiter = { readonly enter: () => void; gone: boolean };

/** @param limit Places, at least 1. */
export function createLimiter(limit: number): Limiter {
  let queue: Waiter[] = [];
  let head = 0;
  let taken = 0;

  const nextWaiter = (): Waiter | undefined => {
    while (head < queue.length) {
      const waiter = queue[head++];
      // Dropping served waiters in large slices keeps each turn cheap however long the queue is.
      if (head >= 1024 && head * 2 >= queue.length) {
        queue = queue.slice(head);
        head = 0;
      }
      if (waiter && !waiter.gone) return waiter;
    }
    return undefined;
  };

  const release = () => {
    // A place is handed on, never freed in between, so that nobody overtakes the queue.
    const next = nextWaiter();
    if (next === undefined) taken--;
    else next.enter();
  };

  const tryAcquire = () => {
    if (taken >= limit) return undefined;
    taken++;
    return release;
  };

  const acquire = (signal: AbortSignal) => {
    if (signal.aborted) return Promise.resolve(undefined);
    const free = tryAcquire();
    if (free) return Promise.resolve(free);
    return new Promise<Release | undefined>((resolve) => {
      const waiter: Waiter = {
        gone: false,
        enter: () => {
          stopListening();
          resolve(release);
        },
      };
      queue.push(waiter);
      const stopListening = onAbort(signal, () => {
        waiter.gone = true;
        resolve(undefined);
      });
    });
  };

  return { acquire, tryAcquire };
}
