import { describe, expect, test } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import { toySamples } from './loop.fixture.ts';
import { createSampleOrder, mixSets, sampleSetOf } from './sample-order.ts';

describe('the order of samples', () => {
  const draws = (seed: number, from: number, count: number) => {
    const rowOf = createSampleOrder({ size: 10 }, seed);
    return Array.from({ length: count }, (_, i) => rowOf(from + i));
  };

  test('shows every row once an epoch, in another order each time', () => {
    const [first, second] = [draws(1, 0, 10), draws(1, 10, 10)];
    const rows = Array.from({ length: 10 }, (_, i) => i);
    expect([...first].sort((a, b) => a - b)).toEqual(rows);
    expect([...second].sort((a, b) => a - b)).toEqual(rows);
    expect(second).not.toEqual(first);
  });

  test('goes on from any draw as if it had drawn all before', () => {
    expect(draws(1, 13, 20)).toEqual(draws(1, 0, 33).slice(13));
  });

  test('is the whole shuffle of the generator that has the name of the epoch', () => {
    const rows = Array.from({ length: 10 }, (_, i) => i);
    expect(draws(3, 20, 10)).toEqual(rngFromKey('order/3/2').shuffle(rows));
  });

  test('depends on the seed', () => {
    expect(draws(2, 0, 10)).not.toEqual(draws(1, 0, 10));
  });
});

describe('a mixture', () => {
  const sizes = [10, 1000, 5];
  const parts = sizes.map((size, i) => ({ size, weight: [3, 1, 0.5][i]! }));
  const mixture = { size: 1015, parts };
  const partOf = (row: number) => (row < 10 ? 0 : row < 1010 ? 1 : 2);
  const rows = (from: number, count: number, seed = 1) => {
    const rowOf = createSampleOrder(mixture, seed);
    return Array.from({ length: count }, (_, i) => rowOf(from + i));
  };

  test('draws from each set by its weight, whatever its size', () => {
    const counts = [0, 0, 0];
    for (const row of rows(0, 9000)) counts[partOf(row)]! += 1;
    for (const [i, expected] of [6000, 2000, 1000].entries()) {
      expect(Math.abs(counts[i]! - expected)).toBeLessThan(4 * Math.sqrt(expected));
    }
  });

  test('shows every row of a set once before any of it comes again', () => {
    const ofFirst = rows(0, 100).filter((row) => partOf(row) === 0);
    expect(ofFirst.slice(0, 10).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(ofFirst.slice(10, 20)).size).toBe(10);
  });

  test('goes on from any draw as if it had drawn all before, and depends on the seed', () => {
    expect(rows(700, 50)).toEqual(rows(0, 750).slice(700));
    expect(rows(700, 50, 2)).not.toEqual(rows(700, 50));
  });

  test('names its sets as the source of rows that name none', async () => {
    const [first, second] = toySamples.map((sample, i) => ({
      ...sample,
      source: i === 0 ? '' : 'b',
    }));
    const set = mixSets([
      { from: 'a.csv', weight: 1, samples: sampleSetOf([first!]) },
      { from: 'b.csv', weight: 1, samples: sampleSetOf([second!]) },
    ]);
    expect([(await set.at(0)).source, (await set.at(1)).source]).toEqual(['a.csv', 'b']);
    expect((await set.at(1)).id).toBe(second!.id);
  });
});
