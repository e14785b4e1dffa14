import type { Metrics } from '../core/metrics.ts';

/** Adds up values while a loss runs over its tokens. */
export type Tally = {
  add(key: string, value: number): void;
  metrics(): Metrics;
};

export function createTally(): Tally {
  const means = new Map<string, { sum: number; count: number }>();
  return {
    add: (key, value) => {
      const mean = means.get(key);
      if (mean === undefined) {
        means.set(key, { sum: value, count: 1 });
      } else {
        mean.sum += value;
        mean.count++;
      }
    },
    metrics: () => Object.fromEntries(means),
  };
}
