/** Time that moves only when a test says so. */
import { onAbort } from './abort.ts';
import type { Clock } from './clock.ts';

type Sleeper = { readonly ms: number; readonly until: number; readonly wake: () => void };

export type TestClock = Clock & {
  /** Moves time on and wakes whoever's time has come. */
  advance(ms: number): void;
  /** Resolves once somebody sleeps for `ms`, at once where somebody does. */
  untilSleeping(ms: number): Promise<void>;
  /** Those asleep. */
  readonly sleeping: number;
  /** Lengths of the sleeps that passed at once, in their order. */
  readonly passed: readonly number[];
};

/**
 * @param passBelowMs Shorter sleeps pass at once and move time on by their length: pauses between
 *   attempts, say, while deadlines wait for the test. @default 0, none
 */
export function createTestClock(passBelowMs = 0): TestClock {
  let time = 0;
  const passed: number[] = [];
  const sleepers = new Set<Sleeper>();
  const watchers = new Set<() => void>();

  const advance = (ms: number) => {
    time += ms;
    for (const sleeper of [...sleepers]) if (sleeper.until <= time) sleeper.wake();
  };

  const sleep = (ms: number, signal: AbortSignal) => {
    if (signal.aborted) return Promise.resolve();
    if (ms < passBelowMs) {
      passed.push(ms);
      advance(ms);
      return Promise.resolve();
    }
    return new Promise<void>((resolve) => {
      const wake = () => {
        stopListening();
        sleepers.delete(sleeper);
        resolve();
      };
      const sleeper = { ms, until: time + ms, wake };
      sleepers.add(sleeper);
      const stopListening = onAbort(signal, () => {
        sleepers.delete(sleeper);
        resolve();
      });
      for (const look of [...watchers]) look();
    });
  };

  const untilSleeping = (ms: number) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (![...sleepers].some((sleeper) => sleeper.ms === ms)) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    });

  return {
    now: () => time,
    sleep,
    advance,
    untilSleeping,
    passed,
    get sleeping() {
      return sleepers.size;
    },
  };
}
