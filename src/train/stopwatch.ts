/** Times of the parts of an iteration, in milliseconds: elapsed, and of the processor. */
import type { WallClock } from '../core/async/clock.ts';
import { type Mean, type Metrics, meanOf } from '../core/metrics.ts';

export type Stopwatch = ReturnType<typeof createStopwatch>;

export function createStopwatch(clock: WallClock, processor: () => number) {
  const begin = clock();
  const processorBegin = processor();
  const laps: Record<string, Mean> = {};
  let last = begin;
  return {
    /** Adds the time since the lap before to `key`. */
    lap: (key: string): void => {
      const now = clock();
      laps[key] = meanOf((laps[key]?.sum ?? 0) + now - last);
      last = now;
    },
    /** So many in each second of the time booked under `ofKey`; nothing where that is 0. */
    rate: (amount: number, ofKey: string): Mean => ({
      sum: 1000 * amount,
      count: laps[ofKey]?.sum ?? 0,
    }),
    metrics: (totalKey: string): Metrics => ({
      ...laps,
      [totalKey]: meanOf(clock() - begin),
      'time/processorMs': meanOf(processor() - processorBegin),
    }),
  };
}
