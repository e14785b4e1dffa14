/**
 * Which sample comes next. A run draws samples one after another, epoch by epoch, each epoch in its own
 * order; the number of draws so far is all the state there is.
 */
import { defined } from '../core/errors.ts';
import { rngFromKey } from '../core/rng.ts';
import type { Sample } from '../core/sample.ts';

/** Random access to a data set whose rows may stay on disk. */
export type SampleSet = {
  readonly size: number;
  at(index: number): Promise<Sample>;
};

export function sampleSetOf(samples: readonly Sample[]): SampleSet {
  return {
    size: samples.length,
    at: async (index) => defined(samples[index], `sample ${index}`),
  };
}

/** The row of the n-th draw, from 0. Each row comes once an epoch. */
export function createSampleOrder(size: number, seed: number): (draw: number) => number {
  const rows = Array.from({ length: size }, (_, row) => row);
  let epoch = -1;
  let order = rows;
  return (draw) => {
    const wanted = Math.floor(draw / size);
    if (wanted !== epoch) {
      order = rngFromKey(`order/${seed}/${wanted}`).shuffle(rows);
      epoch = wanted;
    }
    return defined(order[draw % size], `draw ${draw}`);
  };
}
