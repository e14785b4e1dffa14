import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import { averageDraws, bcaInterval, drawMeans, percentileInterval } from './bootstrap.ts';
import { clusteredMean, clusteredStandardError, sumByCluster } from './clusters.ts';
import { readGolden } from './golden.fixture.ts';
import type { Interval } from './quantile.ts';

type Paired = { clusters: { baseline: number[]; candidate: number[] }[]; standardError: number } & {
  difference: number;
} & Interval;
const golden = readGolden<{
  paired: Paired;
  skewed: {
    values: number[];
    weights: number[];
    mean: number;
    draws: number[];
    bca: Interval;
    percentile: Interval;
  };
}>('clusters');

const gains = golden.paired.clusters.flatMap(({ baseline, candidate }, study) =>
  baseline.map((one, i) => ({ cluster: `study ${study}`, value: (candidate[i] ?? 0) - one })),
);
const skewed = sumByCluster(
  golden.skewed.values.map((value, i) => ({
    cluster: String(i).padStart(2, '0'),
    value,
    weight: golden.skewed.weights[i] ?? 0,
  })),
);

describe('against scipy', () => {
  it('draws whole clusters', () => {
    const { low, high } = percentileInterval(
      drawMeans(sumByCluster(gains), rngFromKey('bootstrap'), 10_000),
    );
    expect(low).toBeCloseTo(golden.paired.low, 2);
    expect(high).toBeCloseTo(golden.paired.high, 2);
  });

  it('percentileInterval and bcaInterval of the same draws', () => {
    const draws = Float64Array.from(golden.skewed.draws);
    expect(clusteredMean(skewed)).toBeCloseTo(golden.skewed.mean, 12);
    for (const [own, found] of [
      [percentileInterval(draws), golden.skewed.percentile],
      [bcaInterval(draws, skewed), golden.skewed.bca],
    ] as const) {
      expect(own.low).toBeCloseTo(found.low, 9);
      expect(own.high).toBeCloseTo(found.high, 9);
    }
  });
});

describe('against statsmodels', () => {
  it('clusteredStandardError', () => {
    const sums = sumByCluster(gains);
    expect(clusteredMean(sums)).toBeCloseTo(golden.paired.difference, 12);
    expect(clusteredStandardError(sums)).toBeCloseTo(golden.paired.standardError, 12);
  });
});

describe('drawMeans', () => {
  const drawn = (rows: typeof gains) => drawMeans(sumByCluster(rows), rngFromKey('rows'), 50);

  it('does not depend on the order of the rows', () => {
    expect(drawn(gains.toReversed())).toEqual(drawn(gains));
  });

  it('is less sure when the same rows come from fewer clusters', () => {
    const alike = gains.flatMap((row) => [row, row, row]);
    const independent = alike.map((row, i) => ({ ...row, cluster: String(i) }));
    const width = (rows: typeof gains) => {
      const { low, high } = percentileInterval(drawMeans(sumByCluster(rows), rngFromKey('w'), 500));
      return high - low;
    };
    expect(width(alike)).toBeGreaterThan(1.5 * width(independent));
  });

  it('draws again where the drawn clusters weigh nothing', () => {
    const rows = [0, 0, 0, 1].map((weight, i) => ({ cluster: String(i), value: weight, weight }));
    expect([...drawMeans(sumByCluster(rows), rngFromKey('zero'), 100)]).toEqual(
      Array.from({ length: 100 }, () => 1),
    );
  });

  it('gives, with another score as the weight, the ratio of two scores', () => {
    const rows = [
      { cluster: 'a', value: 1, weight: 2 },
      { cluster: 'b', value: 1, weight: 2 },
    ];
    expect(percentileInterval(drawMeans(sumByCluster(rows), rngFromKey('ratio')))).toEqual({
      low: 0.5,
      high: 0.5,
    });
  });

  it('covers the true mean of clustered answers in about 95 of 100 samples', () => {
    const rng = rngFromKey('coverage');
    const sampleOf = () =>
      Array.from({ length: 50 }, (_, cluster) => {
        const ease = rng.next();
        return Array.from({ length: 1 + rng.integer(4) }, () => ({
          cluster: String(cluster),
          value: Number(rng.next() < ease),
        }));
      }).flat();
    let [percentile, bca, ignoringClusters] = [0, 0, 0];
    const holds = ({ low, high }: Interval) => Number(low <= 0.5 && 0.5 <= high);
    for (let sample = 0; sample < 300; sample++) {
      const rows = sampleOf();
      const sums = sumByCluster(rows);
      const draws = drawMeans(sums, rng, 300);
      percentile += holds(percentileInterval(draws));
      bca += holds(bcaInterval(draws, sums));
      const alone = sumByCluster(rows.map((row, i) => ({ ...row, cluster: String(i) })));
      ignoringClusters += holds(percentileInterval(drawMeans(alone, rng, 300)));
    }
    expect(percentile / 300).toBeGreaterThan(0.9);
    expect(bca / 300).toBeGreaterThan(0.9);
    expect(ignoringClusters).toBeLessThan(percentile);
  });
});

describe('averageDraws', () => {
  it('is the mean draw by draw, each task counting the same', () => {
    const average = averageDraws([Float64Array.of(0, 1), Float64Array.of(1, 1)]);
    expect([...average]).toEqual([0.5, 1]);
  });
});

it('a single cluster has no standard error', () => {
  expect(clusteredStandardError(sumByCluster([{ cluster: 'a', value: 1 }]))).toBeUndefined();
});
