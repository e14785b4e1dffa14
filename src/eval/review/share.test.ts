import { expect, it } from 'vitest';
import { wilsonInterval } from '../../statistics/proportion.ts';
import { type Observation, shareOf } from './share.ts';

const observations = (...clusters: readonly boolean[][]): Observation[] =>
  clusters.flatMap((cluster, place) => cluster.map((holds) => ({ cluster: String(place), holds })));

it('has no share of nothing', () => {
  expect(shareOf([])).toBeNull();
});

it('has the interval of Wilson where observations are independent', () => {
  const share = shareOf(observations([true], [true], [false], [true], [false]));
  expect(share).toEqual({ value: 0.6, interval: wilsonInterval(3, 5), of: 5, clusters: 5 });
});

it('counts a cluster whose observations are all alike once', () => {
  const share = shareOf(observations([true, true], [true, true], [false, false], [false, false]));
  expect(share?.of).toBe(8);
  const { low, high } = wilsonInterval(2, 4);
  expect(share?.interval.low).toBeCloseTo(low, 1);
  expect(share?.interval.high).toBeCloseTo(high, 1);
});

it('never counts more observations than there are', () => {
  const share = shareOf(observations([true, false], [true, false], [false, true], [true, true]));
  expect(share?.interval).toEqual(wilsonInterval(5, 8));
});

it('has an interval where everything holds, as wide as the clusters are few', () => {
  const share = shareOf(observations([true, true, true], [true, true, true]));
  expect(share).toMatchObject({ value: 1, interval: wilsonInterval(2, 2) });
});
