import { describe, expect, it } from 'vitest';
import { readGroundTruth } from './reward-item.ts';

describe('a ground truth', () => {
  const strict = { rules: 'medix-r1' } as const;
  const asPaper = { rules: 'medix-r1-reference' } as const;

  it.each([
    ['<CT_SCAN>heart attack', { modality: 'CT_SCAN', referenceAnswer: 'heart attack' }],
    [' <CT_SCAN> heart attack \n', { modality: 'CT_SCAN', referenceAnswer: 'heart attack' }],
    ['heart attack', { referenceAnswer: 'heart attack' }],
    ['< 5 mm and > 3 mm', { referenceAnswer: '< 5 mm and > 3 mm' }],
    ['<X_RAY>a <b> c', { modality: 'X_RAY', referenceAnswer: 'a <b> c' }],
  ])('%j is an answer, with or without a tag', (text, truth) => {
    for (const rules of [strict, asPaper]) {
      expect(readGroundTruth(text, rules)).toEqual({
        kind: 'read',
        truth: { ...truth, groundTruth: text },
      });
    }
  });

  it.each([
    ['<MRI>cyst', /unknown modality tag "MRI"; expected one of X_RAY, .*, SPECT/],
    ['<x_ray>cyst', /unknown modality tag "x_ray"/],
    ['<X_RAY> ', /no answer/],
    ['', /no answer/],
  ])('%j is malformed, but for the rules of the paper', (text, problem) => {
    expect(readGroundTruth(text, strict)).toEqual({
      kind: 'malformed',
      problem: expect.stringMatching(problem),
    });
    expect(readGroundTruth(text, asPaper)).toMatchObject({
      kind: 'read',
      truth: { groundTruth: text },
    });
  });
});
