/** Time as an argument, so that tests neither wait nor depend on the machine. */
import { onAbort } from './abort.ts';

/** Milliseconds since 1970: what time it is, for records. */
export type WallClock = () => number;

/** Milliseconds that all threads of this process have computed, whose sum may outrun the clock. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Time that passes, for pauses and latencies. */
export type Clock = {
  /** Milliseconds from an arbitrary origin; never runs backwards. */
  now(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
};

/** `setTimeout` fires at once for anything longer. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(
        () => {
          stopListening();
          resolve();
        },
        Math.min(ms, longestTimerMs),
      );
      const stopListening = onAbort(signal, () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};
