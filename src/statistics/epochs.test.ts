import { expect, it } from 'vitest';
import { spreadOverEpochs } from './epochs.ts';
import { readGolden } from './golden.fixture.ts';

const { epochs: golden } = readGolden<{
  epochs: {
    answers: number[][];
    mean: number;
    epochMeans: number[];
    standardDeviation: number;
    standardError: number;
  };
}>('clusters');

const values = golden.answers.flatMap((row, question) =>
  row.map((value, epoch) => ({ cluster: `question ${question}`, epoch, value })),
);

it('has the spread of numpy and the standard error of statsmodels', () => {
  const spread = spreadOverEpochs(values);
  expect(spread.mean).toBeCloseTo(golden.mean, 12);
  expect(spread.epochMeans.map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
  for (const [i, { mean }] of spread.epochMeans.entries()) {
    expect(mean).toBeCloseTo(golden.epochMeans[i] ?? -1, 12);
  }
  expect(spread.standardDeviation).toBeCloseTo(golden.standardDeviation, 12);
  expect(spread.standardError).toBeCloseTo(golden.standardError, 12);
});

it('does not take more epochs of the same answers for more questions', () => {
  const once = values.filter(({ epoch }) => epoch === 0);
  const fourTimes = [0, 1, 2, 3].flatMap((epoch) => once.map((one) => ({ ...one, epoch })));
  const [one, four] = [spreadOverEpochs(once), spreadOverEpochs(fourTimes)];
  expect(one.standardDeviation).toBeUndefined();
  expect(four.standardDeviation).toBe(0);
  expect(four.standardError).toBeCloseTo(one.standardError ?? -1, 12);
});
