import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readGolden } from './golden.fixture.ts';
import { holmAdjust } from './holm.ts';

const golden = readGolden<{ holm: { pValues: number[]; adjusted: number[] }[] }>('tests');

it.each(golden.holm)('holmAdjust($pValues) is that of statsmodels', ({ pValues, adjusted }) => {
  const own = holmAdjust(pValues);
  expect(own).toHaveLength(adjusted.length);
  for (const [i, value] of adjusted.entries()) expect(own[i]).toBeCloseTo(value, 12);
});

it('lies between the value itself and Bonferroni, and keeps the order', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(share, { minLength: 1, maxLength: 12 }), (pValues) => {
      const adjusted = holmAdjust(pValues);
      for (const [i, p] of pValues.entries()) {
        const own = adjusted[i] ?? Number.NaN;
        expect(own).toBeGreaterThanOrEqual(p);
        expect(own).toBeLessThanOrEqual(Math.min(1, p * pValues.length));
        const smaller = pValues.findIndex((other) => other < p);
        if (smaller >= 0) expect(adjusted[smaller]).toBeLessThanOrEqual(own);
      }
    }),
  );
});
