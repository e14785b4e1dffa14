/**
 * Identical questions are asked once: callers that ask while an answer is on its way share it, later
 * ones have it recalled. Failures are not kept, so they are asked again. The work stops only when the last
 * caller who waits for it has given up: one caller's cancellation never harms another.
 */
import { defined } from '../errors.ts';
import { cancelled, type Unscored } from '../outcome.ts';
import { onAbort } from './abort.ts';

export type Asked<T> = {
  readonly answer: T | Unscored;
  /** Whether an earlier or simultaneous question of the same key brought the answer. */
  readonly reused: boolean;
};

/** One answer per key, in order. `ask` is called only for keys that nobody has asked yet. */
export type AskOnce<T> = (
  keys: readonly string[],
  signal: AbortSignal,
  ask: (index: number, signal: AbortSignal) => Promise<T | Unscored>,
) => Promise<Asked<T>[]>;

/** Where answers are kept. */
export type AnswerMemory<T> = {
  recall(key: string): T | undefined;
  /** No caller has the answer before this resolves. Must not reject. */
  keep(key: string, answer: T): Promise<void>;
  /**
   * Where several processes share answers: the answer of another one, or what to call once this one has asked.
   * Must not reject.
   */
  claim?(
    key: string,
    signal: AbortSignal,
  ): Promise<{ readonly answer: T } | { readonly release: () => Promise<void> }>;
};

/** An answer, and whether another process brought it. */
type Landed<T> = { readonly answer: T | Unscored; readonly isOfOthers: boolean };

type Flight<T> = {
  readonly landed: Promise<Landed<T>>;
  readonly controller: AbortController;
  callers: number;
};

export function createAskOnce<T extends { readonly kind: string }>(
  memory: AnswerMemory<T>,
): AskOnce<T> {
  const flights = new Map<string, Flight<T>>();

  const takeOff = (key: string, ask: (signal: AbortSignal) => Promise<T | Unscored>): Flight<T> => {
    const controller = new AbortController();
    const askAndKeep = async (): Promise<Landed<T>> => {
      const claim = await memory.claim?.(key, controller.signal);
      if (claim !== undefined && 'answer' in claim) return { ...claim, isOfOthers: true };
      try {
        const answer = await ask(controller.signal);
        if (!isUnscored(answer)) await memory.keep(key, answer);
        return { answer, isOfOthers: false };
      } finally {
        await claim?.release();
      }
    };
    const flight = { controller, callers: 0, landed: askAndKeep() };
    flights.set(key, flight);
    const land = () => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    flight.landed.then(land, land);
    return flight;
  };

  const waitFor = async (
    key: string,
    aborted: Promise<Landed<T>>,
    ask: (signal: AbortSignal) => Promise<T | Unscored>,
  ): Promise<Asked<T>> => {
    const others = flights.get(key);
    const flight = others ?? takeOff(key, ask);
    flight.callers++;
    try {
      const { answer, isOfOthers } = await Promise.race([flight.landed, aborted]);
      return { answer, reused: isOfOthers || others !== undefined };
    } finally {
      flight.callers--;
      if (flight.callers === 0) {
        if (flights.get(key) === flight) flights.delete(key);
        flight.controller.abort();
      }
    }
  };

  return async (keys, signal, ask) => {
    if (signal.aborted) return keys.map(() => ({ answer: cancelled, reused: false }));
    const asked: (Asked<T> | undefined)[] = keys.map((key) => {
      const answer = memory.recall(key);
      return answer === undefined ? undefined : { answer, reused: true };
    });
    const open = [...keys.entries()].filter(([index]) => asked[index] === undefined);
    let stopListening = () => {};
    const aborted = new Promise<Landed<T>>((resolve) => {
      stopListening = onAbort(signal, () => resolve({ answer: cancelled, isOfOthers: false }));
    });
    try {
      await Promise.all(
        open.map(async ([index, key]) => {
          asked[index] = await waitFor(key, aborted, (shared) => ask(index, shared));
        }),
      );
      return asked.map((one) => defined(one, 'asked answer'));
    } finally {
      stopListening();
    }
  };
}

function isUnscored<T extends { readonly kind: string }>(answer: T | Unscored): answer is Unscored {
  return answer.kind === 'unscored';
}
