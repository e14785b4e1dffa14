/**
 * Listening to abort signals by the thousand. An `AbortSignal` searches its listeners whenever one is
 * added or removed, and one signal may guard every call of a run; here each signal has one listener of
 * its own, whatever the number of those who wait.
 */
const listeners = new WeakMap<AbortSignal, Set<Listener>>();

type Listener = { readonly react: () => void };

/**
 * Calls `react` once when the signal aborts, at once where it already has.
 * @returns a function that stops listening.
 */
export function onAbort(signal: AbortSignal, react: () => void): () => void {
  if (signal.aborted) {
    react();
    return () => {};
  }
  const known = listeners.get(signal);
  const waiting = known ?? new Set<Listener>();
  if (known === undefined) {
    listeners.set(signal, waiting);
    signal.addEventListener('abort', () => notify(waiting), { once: true });
  }
  const listener = { react };
  waiting.add(listener);
  return () => {
    waiting.delete(listener);
  };
}

function notify(waiting: Set<Listener>): void {
  const all = [...waiting];
  waiting.clear();
  for (const { react } of all) react();
}

export type Linked = {
  readonly signal: AbortSignal;
  readonly abort: () => void;
  /** Stops following the signals it was made from. */
  readonly unlink: () => void;
};

/** Given because Node makes an error with a stack for every abort without one. */
const reason = 'aborted';

/** A signal of its own that also aborts as soon as one of `signals` does. */
export function linkSignals(...signals: readonly AbortSignal[]): Linked {
  const controller = new AbortController();
  const abort = () => controller.abort(reason);
  const stops = signals.map((signal) => onAbort(signal, abort));
  return {
    signal: controller.signal,
    abort,
    unlink: () => {
      for (const stop of stops) stop();
    },
  };
}
