/**
 * Which sample comes next. A run draws samples one after another, epoch by epoch, each epoch in its own
 * order; where sets are mixed, each draw picks one of them by weight, and each has epochs of its own. The number
 * of draws so far is all the state there is.
 */
import { defined } from '../core/errors.ts';
import { type Rng, rngFromKey } from '../core/rng.ts';
import type { Sample } from '../core/sample.ts';

/** Random access to a data set whose rows may stay on disk. */
export type SampleSet = {
  readonly size: number;
  at(index: number): Promise<Sample>;
  /** The sets that it is a mixture of, one after the other. @default none */
  readonly parts?: readonly WeightedPart[];
};

type WeightedPart = { readonly size: number; readonly weight: number };

/** Sets of which each draw picks one by weight. A row that does not say where it comes from is from its set. */
export function mixSets(
  sets: readonly {
    readonly from: string;
    readonly weight: number;
    readonly samples: SampleSet;
  }[],
): SampleSet {
  const parts = sets.map(({ samples: { size }, weight }) => ({ size, weight }));
  const firsts = firstsOf(parts);
  return {
    size: parts.reduce((sum, { size }) => sum + size, 0),
    parts,
    at: async (index) => {
      const place = firsts.findLastIndex((first) => first <= index);
      const { from, samples } = defined(sets[place], `set of sample ${index}`);
      const sample = await samples.at(index - defined(firsts[place], 'first sample'));
      return sample.source === '' ? { ...sample, source: from } : sample;
    },
  };
}

/** Where each part begins. */
function firstsOf(parts: readonly WeightedPart[]): number[] {
  let next = 0;
  return parts.map(({ size }) => {
    const first = next;
    next += size;
    return first;
  });
}

export function sampleSetOf(samples: readonly Sample[]): SampleSet {
  return {
    size: samples.length,
    at: async (index) => defined(samples[index], `sample ${index}`),
  };
}

/** The row of the n-th draw, from 0. Each row comes once an epoch of its set. */
export function createSampleOrder(
  { size, parts }: Pick<SampleSet, 'size' | 'parts'>,
  seed: number,
): (draw: number) => number {
  if (parts === undefined) return epochOrder(size, String(seed));
  const firsts = firstsOf(parts);
  const orders = parts.map((part, place) => epochOrder(part.size, `${seed}/${place}`));
  const pickOf = createPicks(parts, seed);
  return (draw) => {
    const { part, nth } = pickOf(draw);
    return defined(firsts[part], 'first row') + defined(orders[part], 'order')(nth);
  };
}

function epochOrder(size: number, key: string): (draw: number) => number {
  const order = new Uint32Array(size);
  let epoch = -1;
  return (draw) => {
    const wanted = Math.floor(draw / size);
    if (wanted !== epoch) {
      shuffleRows(order, rngFromKey(`order/${key}/${wanted}`));
      epoch = wanted;
    }
    return defined(order[draw % size], `draw ${draw}`);
  };
}

/** Draws after which the counts are kept, so that none far on has to be counted from the first. */
const countedDraws = 256;

/** The part that a draw picks, and how many draws before it picked the same. */
function createPicks(parts: readonly WeightedPart[], seed: number) {
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  const pick = (draw: number): number => {
    let left = rngFromKey(`mixture/${seed}/${draw}`).next() * total;
    const found = parts.findIndex(({ weight }) => {
      left -= weight;
      return left < 0;
    });
    // Weights that do not add up exactly leave a last bit over.
    return found < 0 ? parts.length - 1 : found;
  };
  const kept: (readonly number[])[] = [parts.map(() => 0)];
  const counted = (piece: number, end: number): number[] => {
    const counts = [...defined(kept[piece], 'counts of draws')];
    for (let draw = piece * countedDraws; draw < end; draw++) {
      const part = pick(draw);
      counts[part] = defined(counts[part], 'count of draws') + 1;
    }
    return counts;
  };
  const countsBefore = (draw: number): number[] => {
    const piece = Math.floor(draw / countedDraws);
    while (kept.length <= piece) kept.push(counted(kept.length - 1, kept.length * countedDraws));
    return counted(piece, draw);
  };
  return (draw: number) => {
    const part = pick(draw);
    return { part, nth: defined(countsBefore(draw)[part], 'count of draws') };
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
