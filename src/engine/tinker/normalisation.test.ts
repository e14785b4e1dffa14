import { expect, it } from 'vitest';
import {
  normalisationFrom,
  normalisationNames,
  normalisations,
  ratiosOf,
  waitsForStep,
} from './normalisation.ts';

it.each(normalisationNames)('recognises a server with %s', (name) => {
  const exact = ratiosOf(name);
  expect(normalisationFrom(exact)).toBe(name);
  const rounded = Object.fromEntries(
    Object.entries(exact).map(([key, value], i) => [key, value * (1 + (i % 2 ? 0.02 : -0.02))]),
  ) as typeof exact;
  expect(normalisationFrom(rounded)).toBe(name);
});

it('takes what no normalisation gives for none', () => {
  expect(normalisationFrom({ twice: 3, twoRequests: 2, longer: 1, beside: 1 })).toBeUndefined();
  expect(
    normalisationFrom({ twice: Number.NaN, twoRequests: 2, longer: 1, beside: 1 }),
  ).toBeUndefined();
});

it('knows for which ones all of a step has to be there', () => {
  const waiting = normalisationNames.filter(waitsForStep);
  expect(waiting).toEqual(normalisationNames.filter((name) => name.endsWith('of a step')));
});

it('divides by what SkyRL on JAX divides by', () => {
  const one = { tokens: 10, sequences: 2 };
  const divisor =
    normalisations['mean over the tokens of a sequence, mean over the sequences of a step'];
  expect(divisor({ tokens: 4, request: one, step: { tokens: 30, sequences: 6 } })).toBe(24);
});
