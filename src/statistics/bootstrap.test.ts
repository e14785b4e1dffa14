import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import {
  averageDraws,
  bcaInterval,
  clipped,
  drawMeans,
  percentileInterval,
  widenedForFewClusters,
} from './bootstrap.ts';
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

describe('widenedForFewClusters', () => {
  const binary = (ease: number, draw: () => number) => Number(draw() < ease);
  const graded = (ease: number, draw: () => number) =>
    Math.min(1, Math.max(0, ease + 0.2 * (draw() - 0.5)));

  /**
   * Of 1,000 samples of one to four answers a cluster, those whose interval holds the true mean of 0.5:
   *
   * | clusters | binary, as drawn | binary, widened | graded, as drawn | graded, widened |
   * |---|---|---|---|---|
   * | 5 | 872 | 943 | 838 | 933 |
   * | 12 | 912 | 939 | 912 | 950 |
   * | 30 | 928 | 940 | 929 | 949 |
   */
  it.each([5, 12, 30])(
    'covers the true mean in at least 93 of 100 samples of %i clusters',
    (clusters) => {
      const samples = 1000;
      for (const [kind, answer] of [
        ['binary', binary],
        ['graded', graded],
      ] as const) {
        const rng = rngFromKey(`few/${kind}/${clusters}`);
        let [drawn, widened] = [0, 0];
        const holds = ({ low, high }: Interval) => Number(low <= 0.5 && 0.5 <= high);
        for (let sample = 0; sample < samples; sample++) {
          const rows = Array.from({ length: clusters }, (_, cluster) => {
            const ease = rng.next();
            return Array.from({ length: 1 + rng.integer(4) }, () => {
              return { cluster: String(cluster), value: answer(ease, () => rng.next()) };
            });
          }).flat();
          const sums = sumByCluster(rows);
          const draws = drawMeans(sums, rng, 200);
          drawn += holds(percentileInterval(draws));
          widened += holds(clipped(percentileInterval(widenedForFewClusters(draws, sums)), 0, 1));
        }
        expect(widened / samples, kind).toBeGreaterThanOrEqual(0.93);
        expect(drawn, kind).toBeLessThan(widened);
      }
    },
  );

  it('keeps the mean, and leaves 50 clusters and more as they are', () => {
    const sums = (clusters: number) =>
      sumByCluster(Array.from({ length: clusters }, (_, i) => ({ cluster: `${i}`, value: i % 3 })));
    const draws = Float64Array.of(0.5, 1, 1.5);
    const [few, many] = [sums(6), sums(51)];
    const factor = (2.5705818366 / 1.9599639845) * Math.sqrt(6 / 5);
    expect([...widenedForFewClusters(draws, few)]).toEqual(
      [1 - factor / 2, 1, 1 + factor / 2].map((value) => expect.closeTo(value, 9)),
    );
    expect(widenedForFewClusters(draws, many)).toBe(draws);
    expect(clipped({ low: -0.2, high: 1.3 }, 0, 1)).toEqual({ low: 0, high: 1 });
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
