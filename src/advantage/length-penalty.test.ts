import { expect, it } from 'vitest';
import { lengthPenalties } from './length-penalty.ts';

const group = (...rewards: number[]) =>
  rewards.map((reward, i) => ({ reward, tokens: 10 * (i + 1) }));

it('a penalty on length grows with the length and with the share of the group that is right', () => {
  expect(lengthPenalties(group(1, 1), 0.2, 20)).toEqual([0.1, 0.2]);
  expect(lengthPenalties(group(1, 0, 0, 1), 0.25, 40)).toEqual([0.03125, 0.0625, 0.09375, 0.125]);
});

it('a group that is all wrong counts as one with a single right answer', () => {
  expect(lengthPenalties(group(0, 0), 0.2, 20)).toEqual([0.05, 0.1]);
});

it('a weight of 0 penalises nothing', () => {
  expect(lengthPenalties(group(1, 0.5), 0, 20)).toEqual([0, 0]);
});
