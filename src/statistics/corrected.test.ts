import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import { drawMeans } from './bootstrap.ts';
import { sumByCluster } from './clusters.ts';
import { type Corrected, correctMean, correctProportion, drawJudgeRates } from './corrected.ts';
import { readGolden } from './golden.fixture.ts';
import type { Count } from './proportion.ts';
import { drawBinomial } from './random-counts.ts';

type Pair = [successes: number, trials: number];
const golden = readGolden<{
  cases: {
    passed: Pair;
    right: Pair;
    wrong: Pair;
    accuracy: number;
    low: number;
    high: number;
  }[];
}>('corrected');

const countOf = ([successes, trials]: Pair): Count => ({ successes, trials });
const judge = (right: Pair, wrong: Pair) => ({
  sensitivity: countOf(right),
  specificity: countOf(wrong),
});

function intervalOf(corrected: Corrected) {
  if (corrected.kind === 'uncorrectable') throw new Error(corrected.reason);
  return corrected.interval;
}

describe.each(golden.cases)(
  'passed $passed, of right answers $right, of wrong ones refused $wrong',
  ({ passed, right, wrong, accuracy, low, high }) => {
    it('correctMean has the accuracy and interval of a simulation with numpy', () => {
      const rng = rngFromKey('corrected');
      const means = Float64Array.from(
        { length: 4000 },
        () => drawBinomial(passed[1], passed[0] / passed[1], rng) / passed[1],
      );
      const rates = judge(right, wrong);
      const draws = drawJudgeRates(rates, rng, 4000);
      const own = correctMean(passed[0] / passed[1], means, rates, draws);
      expect(own).toMatchObject({ kind: 'corrected', accuracy: expect.closeTo(accuracy, 10) });
      expect(Math.abs(intervalOf(own).low - low)).toBeLessThan(0.01);
      expect(Math.abs(intervalOf(own).high - high)).toBeLessThan(0.01);
    });

    it('correctProportion comes to nearly the same', () => {
      const own = correctProportion(countOf(passed), judge(right, wrong));
      expect(own).toMatchObject({ kind: 'corrected', accuracy: expect.closeTo(accuracy, 10) });
      expect(Math.abs(intervalOf(own).low - low)).toBeLessThan(0.03);
      expect(Math.abs(intervalOf(own).high - high)).toBeLessThan(0.03);
    });
  },
);

describe('correctProportion', () => {
  it.each([
    ['an uninformative judge', judge([50, 100], [50, 100])],
    ['a judge worse than chance', judge([20, 100], [30, 100])],
    ['a judge tried on too few answers', judge([3, 4], [2, 3])],
  ])('does not correct the verdicts of %s', (_, rates) => {
    const corrected = correctProportion({ successes: 60, trials: 100 }, rates);
    expect(corrected).toMatchObject({
      kind: 'uncorrectable',
      reason: expect.stringContaining('does not surely tell right from wrong'),
    });
  });

  it('stays within 0 and 1 where fewer pass than the judge lets wrong answers pass', () => {
    const corrected = correctProportion({ successes: 2, trials: 100 }, judge([95, 100], [90, 100]));
    expect(corrected).toMatchObject({ kind: 'corrected', accuracy: 0, interval: { low: 0 } });
  });

  it('is less sure than the uncorrected share, also of a judge without a known error', () => {
    const { low, high } = intervalOf(
      correctProportion({ successes: 300, trials: 500 }, judge([40, 40], [40, 40])),
    );
    expect(high - low).toBeGreaterThan(2 * 1.96 * Math.sqrt((0.6 * 0.4) / 500));
  });

  it.each([
    { accuracy: 0.5, sensitivity: 0.9, specificity: 0.85 },
    { accuracy: 0.1, sensitivity: 0.8, specificity: 0.97 },
    { accuracy: 0.9, sensitivity: 0.99, specificity: 0.9 },
  ])(
    'covers accuracy $accuracy in about 95 of 100 samples, sensitivity $sensitivity, specificity $specificity',
    ({ accuracy, sensitivity, specificity }) => {
      const rng = rngFromKey('coverage');
      const passing = accuracy * sensitivity + (1 - accuracy) * (1 - specificity);
      let covered = 0;
      for (let sample = 0; sample < 500; sample++) {
        const draw = (share: number, trials: number): Pair => [
          drawBinomial(trials, share, rng),
          trials,
        ];
        const { low, high } = intervalOf(
          correctProportion(
            countOf(draw(passing, 300)),
            judge(draw(sensitivity, 150), draw(specificity, 150)),
          ),
        );
        if (low <= accuracy && accuracy <= high) covered++;
      }
      expect(covered / 500).toBeGreaterThan(0.92);
      expect(covered / 500).toBeLessThan(0.99);
    },
  );
});

describe('correctMean', () => {
  it('is less sure of clustered answers than of independent ones', () => {
    const answers = Array.from({ length: 400 }, (_, i) => Number(i % 8 < 5));
    const rates = judge([90, 100], [90, 100]);
    const widthBy = (clusterOf: (i: number) => number) => {
      const rng = rngFromKey('width');
      const rows = answers.map((value, i) => ({ cluster: String(clusterOf(i)), value }));
      const means = drawMeans(sumByCluster(rows), rng);
      const { low, high } = intervalOf(
        correctMean(5 / 8, means, rates, drawJudgeRates(rates, rng)),
      );
      return high - low;
    };
    // Every eighth answer belongs together: all of a cluster are right, or none is.
    expect(widthBy((i) => i % 8)).toBeGreaterThan(2 * widthBy((i) => i));
  });
});
