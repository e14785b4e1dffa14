/** Not waiting for what does not stop by itself. */
import { onAbort } from './abort.ts';

/** The result of `work`, or `aborted` as soon as the signal aborts; `work` is then left to itself. */
export async function orAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
): Promise<T | typeof aborted> {
  let stopListening = () => {};
  const gaveUp = new Promise<typeof aborted>((resolve) => {
    stopListening = onAbort(signal, () => resolve(aborted));
  });
  try {
    return await Promise.race([work, gaveUp]);
  } finally {
    stopListening();
  }
}

export const aborted = Symbol('aborted');
