import { describe, expect, it } from 'vitest';
import {
  detectableDifference,
  detectablePairedDifference,
  detectableUnpairedDifference,
} from './detectable.ts';
import { readGolden } from './golden.fixture.ts';

type Plan = { questions: number; alpha: number; power: number; difference: number };
const golden = readGolden<{
  paired: (Plan & { discordance: number; exactPower: number })[];
  unpaired: (Plan & { accuracy: number })[];
}>('plans');

describe('detectablePairedDifference', () => {
  it.each(golden.paired)(
    'solves the equation of the test: $questions questions, discordance $discordance',
    ({ questions, discordance, difference, alpha, power, exactPower }) => {
      const own = detectablePairedDifference(questions, discordance, { alpha, power });
      expect(own).toBeCloseTo(difference, 9);
      // The test itself, by enumeration, then has about that power.
      expect(Math.abs(exactPower - power)).toBeLessThan(0.015);
    },
  );

  it('is undefined where even a one-sided discordance would be missed', () => {
    expect(detectablePairedDifference(20, 0.1)).toBeUndefined();
    expect(detectablePairedDifference(2, 0.5)).toBeUndefined();
  });

  it('shrinks with the square root of the questions', () => {
    const few = detectablePairedDifference(400, 0.3) ?? 0;
    const many = detectablePairedDifference(1600, 0.3) ?? 0;
    expect(few / many).toBeCloseTo(2, 1);
  });
});

describe('detectableUnpairedDifference', () => {
  it.each(golden.unpaired)(
    'is that of statsmodels: accuracy $accuracy, $questions questions',
    ({ accuracy, questions, difference, alpha, power }) => {
      const own = detectableUnpairedDifference(accuracy, questions, { alpha, power });
      expect(own).toBeCloseTo(difference, 9);
    },
  );

  it('is undefined where even perfection would not stand out', () => {
    expect(detectableUnpairedDifference(0.9, 20)).toBeUndefined();
  });
});

it('detectableDifference is 2.8 standard errors at the usual level and power', () => {
  expect(detectableDifference(1)).toBeCloseTo(1.959963984540054 + 0.8416212335729143, 10);
});
