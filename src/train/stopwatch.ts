/** Times of the parts of an iteration, in milliseconds: elapsed, and of the processor. */
import type { WallClock } from '../core/async/clock.ts';
import { type Mean, type Metrics, meanOf } from '../core/metrics.ts';

export function createStopwatch(clock: WallClock, processor: () => number) {
  const begin = clock();
  const processorBegin = processor();
  const laps: Record<string, Mean> = {};
  let last = begin;
  return {
    /** Books the time since the lap before under `key`. */
    lap: (key: string): void => {
      const now = clock();
      laps[key] = meanOf(now - last);
      last = now;
    },
    metrics: (totalKey: string): Metrics => ({
      ...laps,
      [totalKey]: meanOf(clock() - begin),
      'time/processorMs': meanOf(processor() - processorBegin),
    }),
  };
}
