/** Limits how many requests begin in any minute, by an exact sliding window over the last ones. */
import type { Clock } from '../core/async/clock.ts';
import { createLimiter } from '../core/async/limiter.ts';

export type RateLimit = {
  /** Resolves with true when it is this caller's turn, in the order of calls; false once `signal` aborts. */
  take(signal: AbortSignal): Promise<boolean>;
  /** Whether it may begin this moment; counts as a beginning when it may. */
  tryTake(): boolean;
};

const windowMs = 60_000;

/** @param perMinute At least 1; null sets no limit. */
export function createRateLimit(perMinute: number | null, clock: Clock): RateLimit {
  if (perMinute === null) return { take: async (signal) => !signal.aborted, tryTake: () => true };
  const line = createLimiter(1);
  // A ring: `beginnings[next]` is the oldest of the last `perMinute` beginnings.
  const beginnings = new Float64Array(perMinute).fill(Number.NEGATIVE_INFINITY);
  let next = 0;

  const waitMs = () => Math.max(0, (beginnings[next] ?? 0) + windowMs - clock.now());
  const begin = () => {
    beginnings[next] = clock.now();
    next = (next + 1) % perMinute;
  };

  return {
    take: async (signal) => {
      // Only the first in line watches the clock; the others wait for it.
      const release = await line.acquire(signal);
      if (release === undefined) return false;
      try {
        const ms = waitMs();
        if (ms > 0) await clock.sleep(ms, signal);
        if (signal.aborted) return false;
        begin();
        return true;
      } finally {
        release();
      }
    },
    tryTake: () => {
      const release = line.tryAcquire();
      if (release === undefined) return false;
      const free = waitMs() === 0;
      if (free) begin();
      release();
      return free;
    },
  };
}
