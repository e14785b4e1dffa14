import { expect, it } from 'vitest';
import { rngFromKey } from '../../core/rng.ts';
import { calibrateThreshold, type LabelledCosine } from './calibrate.ts';

const rng = () => rngFromKey('calibrate');

function pairs(right: readonly number[], wrong: readonly number[]): LabelledCosine[] {
  const label = (correct: boolean) => (cosine: number, index: number) => ({
    question: String(index),
    correct,
    cosine,
  });
  return [...right.map(label(true)), ...wrong.map(label(false))];
}

it('puts the threshold half-way between right and wrong answers that a cosine separates', () => {
  const calibration = calibrateThreshold(pairs([0.9, 0.8, 0.7], [0.5, 0.1, -1]), rng());
  const separating = { at: 0.6, sensitivity: 1, specificity: 1, f1: 1 };
  expect(calibration).toMatchObject({
    right: 3,
    wrong: 3,
    auc: { value: 1 },
    youden: separating,
    strict: separating,
    bestF1: separating,
  });
});

it('finds nothing in cosines that say nothing', () => {
  const same = [0.1, 0.2, 0.3, 0.4];
  const { auc } = calibrateThreshold(pairs(same, same), rng());
  expect(auc.value).toBe(0.5);
  expect(auc.interval.low).toBeLessThanOrEqual(0.5);
  expect(auc.interval.high).toBeGreaterThanOrEqual(0.5);
});

it('chooses by what it is asked to make best', () => {
  const right = [0.95, 0.9, 0.6, 0.6, 0.5];
  const wrong = [0.92, ...Array.from({ length: 19 }, (_, i) => i / 100), 0.55, 0.55];
  const { youden, strict, bestF1 } = calibrateThreshold(pairs(right, wrong), rng());
  expect(youden).toMatchObject({ at: 0.34, sensitivity: 1, specificity: 19 / 22 });
  expect(strict).toMatchObject({ at: 0.575, sensitivity: 0.8, specificity: 21 / 22 });
  expect(bestF1).toMatchObject({ at: 0.575, f1: 0.8 });
});

it('has no strict threshold where a wrong answer is as near as can be', () => {
  const { strict, youden } = calibrateThreshold(pairs([1, 0.5], [1, 0.2]), rng());
  expect(strict).toBeUndefined();
  expect(youden).toMatchObject({ at: 0.35, sensitivity: 1, specificity: 0.5 });
});

it('gives intervals that hold the figure and narrow with more questions', () => {
  const draw = (count: number) => {
    const random = rngFromKey(`pairs/${count}`);
    const near = (centre: number) =>
      Array.from({ length: count }, () => centre + random.normal() / 8);
    return calibrateThreshold(pairs(near(0.7), near(0.5)), rng(), 200);
  };
  const few = draw(40);
  const many = draw(640);
  const width = ({ auc }: typeof few) => auc.interval.high - auc.interval.low;
  for (const { auc, youden } of [few, many]) {
    expect(auc.interval.low).toBeLessThan(auc.value);
    expect(auc.interval.high).toBeGreaterThan(auc.value);
    expect(youden.interval.low).toBeLessThanOrEqual(youden.at);
    expect(youden.interval.high).toBeGreaterThanOrEqual(youden.at);
  }
  expect(width(many)).toBeLessThan(width(few) / 2);
});
