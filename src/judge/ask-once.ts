/**
 * Identical questions are asked once: callers that ask while an answer is on its way share it, later
 * ones read it from memory. Failures are not remembered, so they are asked again. The work stops only
 * when the last caller who waits for it has given up: one caller's cancellation never harms another.
 */
import type { Unscored } from '../core/outcome.ts';
import { cancelled } from './cancelled.ts';
import { createMemory } from './memory.ts';

type Flight<T> = {
  readonly answer: Promise<T | Unscored>;
  readonly controller: AbortController;
  callers: number;
};

/** One answer per key, in order. `ask` is called only for keys that nobody has asked yet. */
export type AskOnce<T> = (
  keys: readonly string[],
  signal: AbortSignal,
  ask: (index: number, signal: AbortSignal) => Promise<T | Unscored>,
) => Promise<(T | Unscored)[]>;

/** @param capacity Answers remembered; the least recently used leaves first. */
export function createAskOnce<T extends { readonly kind: string }>(capacity: number): AskOnce<T> {
  const remembered = createMemory<T>(capacity);
  const flights = new Map<string, Flight<T>>();

  const takeOff = (key: string, ask: (signal: AbortSignal) => Promise<T | Unscored>): Flight<T> => {
    const controller = new AbortController();
    const flight = { controller, callers: 0, answer: ask(controller.signal) };
    flights.set(key, flight);
    const land = () => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    flight.answer.then((answer) => {
      if (!isUnscored(answer)) remembered.put(key, answer);
      land();
    }, land);
    return flight;
  };

  const waitFor = async (
    key: string,
    aborted: Promise<Unscored>,
    ask: (signal: AbortSignal) => Promise<T | Unscored>,
  ): Promise<T | Unscored> => {
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const flight = flights.get(key) ?? takeOff(key, ask);
    flight.callers++;
    try {
      return await Promise.race([flight.answer, aborted]);
    } finally {
      flight.callers--;
      if (flight.callers === 0) {
        if (flights.get(key) === flight) flights.delete(key);
        flight.controller.abort();
      }
    }
  };

  return async (keys, signal, ask) => {
    if (signal.aborted) return keys.map(() => cancelled);
    // One listener for the whole call: a signal may see thousands of keys.
    let onAbort = () => {};
    const aborted = new Promise<Unscored>((resolve) => {
      onAbort = () => resolve(cancelled);
    });
    signal.addEventListener('abort', onAbort);
    try {
      return await Promise.all(
        keys.map((key, index) => waitFor(key, aborted, (shared) => ask(index, shared))),
      );
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  };
}

function isUnscored<T extends { readonly kind: string }>(answer: T | Unscored): answer is Unscored {
  return answer.kind === 'unscored';
}
