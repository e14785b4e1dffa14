/** Times of the parts of an iteration, in milliseconds. */
import type { Metrics } from '../core/metrics.ts';

export function createStopwatch(clock: () => number) {
  const begin = clock();
  const laps: Record<string, { sum: number; count: number }> = {};
  let last = begin;
  return {
    /** Books the time since the lap before under `key`. */
    lap: (key: string): void => {
      const now = clock();
      laps[key] = { sum: now - last, count: 1 };
      last = now;
    },
    metrics: (totalKey: string): Metrics => ({
      ...laps,
      [totalKey]: { sum: clock() - begin, count: 1 },
    }),
  };
}
