import { expect, it } from 'vitest';
import { drawingOf, maskFeeds } from './dropout.ts';

const masks = new Map([
  ['a', { rows: 'N', columns: 31 }],
  ['b', { rows: 'N', columns: 31 }],
  ['merged', { rows: '4*I*U', columns: 8 }],
]);
const sizes = { N: 301, I: 2, U: 5 };
const feeds = (rate: number, pass: string) =>
  maskFeeds(masks, drawingOf({ rate, seed: 3 }, pass), sizes, (layer) => layer);

it.each([0.05, 0.5, 0.9])('at rate %d, as many are 0, and the mean stays 1', (rate) => {
  const mask = feeds(rate, '0/0').values['masks:a']!;
  expect(mask).toHaveLength(301 * 31);
  expect(new Set(mask)).toEqual(new Set([0, Math.fround(mask.find((value) => value > 0)!)]));
  const zeros = mask.filter((value) => value === 0).length / mask.length;
  const error = 4 * Math.sqrt((rate * (1 - rate)) / mask.length);
  expect(Math.abs(zeros - rate)).toBeLessThan(error);
  const mean = [...mask].reduce((sum, value) => sum + value, 0) / mask.length;
  expect(Math.abs(mean - 1)).toBeLessThan(error / (1 - rate));
});

it('masks are those of their seed, pass and layer', () => {
  const { values } = feeds(0.5, '4/1');
  expect(values['masks:a']).toEqual(feeds(0.5, '4/1').values['masks:a']);
  const others = [
    values['masks:b'],
    feeds(0.5, '4/2').values['masks:a'],
    feeds(0.5, '5/1').values['masks:a'],
    maskFeeds(masks, drawingOf({ rate: 0.5, seed: 4 }, '4/1'), sizes, (layer) => layer).values[
      'masks:a'
    ],
  ];
  for (const other of others) expect(other).not.toEqual(values['masks:a']);
});

it('a pass without dropout chooses the same row of ones for all', () => {
  const { values, bindings } = maskFeeds(masks, undefined, sizes, (layer) => layer);
  expect(values['masks:merged']).toEqual(new Float32Array(8).fill(1));
  expect(values['maskOf:4*I*U']).toEqual(new Int32Array(40));
  expect(bindings).toEqual({ ...sizes, masksOfN: 1, masksOf4IU: 1 });
  expect(drawingOf(undefined, '0/0')).toBeUndefined();
});
