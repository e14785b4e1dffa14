/**
 * Which sample comes next. A run draws samples one after another, epoch by epoch, each epoch in its own
 * order; the number of draws so far is all the state there is.
 */
import { defined } from '../core/errors.ts';
import { type Rng, rngFromKey } from '../core/rng.ts';
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
  const order = new Uint32Array(size);
  let epoch = -1;
  return (draw) => {
    const wanted = Math.floor(draw / size);
    if (wanted !== epoch) {
      shuffleRows(order, rngFromKey(`order/${seed}/${wanted}`));
      epoch = wanted;
    }
    return defined(order[draw % size], `draw ${draw}`);
  };
}

/** As `Rng.shuffle` orders the numbers from 0, in 4 bytes a row. */
function shuffleRows(order: Uint32Array, rng: Rng): void {
  for (let row = 0; row < order.length; row++) order[row] = row;
  for (let i = order.length - 1; i > 0; i--) {
    const j = rng.integer(i + 1);
    const row = defined(order[i], 'row');
    order[i] = defined(order[j], 'row');
    order[j] = row;
  }
}
