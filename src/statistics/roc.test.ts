import { describe, expect, it } from 'vitest';
import { readGolden } from './golden.fixture.ts';
import { z95 } from './normal.ts';
import {
  auc,
  bestF1Point,
  pointAtSpecificity,
  rocCurve,
  type ScoredLabel,
  youdenPoint,
} from './roc.ts';

type Case = {
  name: string;
  scores: number[];
  labels: number[];
  auc: number;
  standardError: number;
  lowestPassing: number[];
  sensitivity: number[];
  specificity: number[];
};
const golden = readGolden<{ roc: Case[] }>('ranks');

describe.each(golden.roc)('against scikit-learn: $name', (found) => {
  const items = found.scores.map((score, i) => ({ score, isPositive: found.labels[i] === 1 }));

  it('rocCurve', () => {
    const curve = rocCurve(items);
    expect(curve).toHaveLength(found.lowestPassing.length);
    for (const [i, point] of curve.entries()) {
      expect(point.sensitivity).toBeCloseTo(found.sensitivity[i] ?? -1, 12);
      expect(point.specificity).toBeCloseTo(found.specificity[i] ?? -1, 12);
      expect(point.threshold).toBeLessThanOrEqual(found.lowestPassing[i] ?? -Infinity);
      expect(point.threshold).toBeGreaterThan(found.lowestPassing[i + 1] ?? -Infinity);
    }
  });

  it('auc', () => {
    const own = auc(items);
    expect(own.auc).toBeCloseTo(found.auc, 12);
    expect(own.interval.low).toBeCloseTo(found.auc - z95 * found.standardError, 10);
    expect(own.interval.high).toBeCloseTo(found.auc + z95 * found.standardError, 10);
  });
});

const items: ScoredLabel[] = [
  [0.9, true],
  [0.8, true],
  [0.7, false],
  [0.6, true],
  [0.2, false],
  [0.1, false],
].map(([score, isPositive]) => ({ score: Number(score), isPositive: isPositive === true }));

describe('choosing a point', () => {
  const curve = rocCurve(items);

  it('by Youden takes the strictest of equals', () => {
    expect(youdenPoint(curve)).toMatchObject({ truePositives: 2, falsePositives: 0 });
    expect(youdenPoint(curve).threshold).toBeCloseTo(0.75, 12);
  });

  it('by F1', () => {
    expect(bestF1Point(curve)).toMatchObject({ truePositives: 3, falsePositives: 1 });
  });

  it('by specificity takes the most sensitive one', () => {
    expect(pointAtSpecificity(curve, 0.6)).toMatchObject({ truePositives: 3, falsePositives: 1 });
    const reversed = items.map(({ score, isPositive }) => ({ score: -score, isPositive }));
    expect(pointAtSpecificity(rocCurve(reversed), 0.95)).toBeUndefined();
  });
});

describe('auc', () => {
  it('is not certain of a clean separation of few', () => {
    const clean = [items[0], items[1], items[4], items[5]].filter((one) => one !== undefined);
    expect(auc(clean).auc).toBe(1);
    expect(auc(clean).interval.low).toBeLessThan(0.6);
  });

  it('refuses labels of one kind', () => {
    expect(() => auc([{ score: 1, isPositive: true }])).toThrow('both positives and negatives');
  });
});
