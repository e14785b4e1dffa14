import { describe, expect, test } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import { createSampleOrder } from './sample-order.ts';

describe('the order of samples', () => {
  const draws = (seed: number, from: number, count: number) => {
    const rowOf = createSampleOrder(10, seed);
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
