import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AdvantageName, advantageEstimators } from './estimators.ts';

const names = Object.keys(advantageEstimators) as AdvantageName[];
const rewards = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
  minLength: 2,
  maxLength: 16,
});

describe.each(names)('%s', (name) => {
  const estimate = advantageEstimators[name];

  it('sums to zero', () => {
    fc.assert(
      fc.property(rewards, (group) => {
        expect(estimate(group).reduce((sum, advantage) => sum + advantage, 0)).toBeCloseTo(0, 6);
      }),
    );
  });

  it('does not change when every reward shifts alike', () => {
    fc.assert(
      fc.property(rewards, fc.double({ min: -1, max: 1, noNaN: true }), (group, shift) => {
        const shifted = estimate(group.map((reward) => reward + shift));
        for (const [i, advantage] of estimate(group).entries()) {
          expect(shifted[i]).toBeCloseTo(advantage, 6);
        }
      }),
    );
  });

  it('ranks completions as their rewards do', () => {
    fc.assert(
      fc.property(rewards, (group) => {
        const advantages = estimate(group);
        for (let i = 1; i < group.length; i++) {
          const [a, b] = [group[i - 1] ?? 0, group[i] ?? 0];
          if (a < b) expect(advantages[i - 1]).toBeLessThanOrEqual(advantages[i] ?? 0);
        }
      }),
    );
  });

  it('is zero in a group without variance', () => {
    for (const advantage of estimate([0.145, 0.145, 0.145])) expect(advantage).toBeCloseTo(0, 9);
  });

  it('refuses a group of one', () => {
    expect(() => estimate([1])).toThrow(/two rewards/);
  });
});

it('grpo makes nothing of rewards that differ by rounding alone, on a scale that can be set', () => {
  const group = [0.145, 0.145 + 1e-7, 0.145 - 5e-8];
  expect(advantageEstimators.grpo(group)).toEqual([0, 0, 0]);
  const [, high = 0] = advantageEstimators.grpo(group, 1e-9);
  expect(high).toBeGreaterThan(0.05);
});

it('gives the published values', () => {
  const group = [1, 0, 0.5, 0.1];
  const [mean, std] = [0.4, Math.sqrt((0.36 + 0.16 + 0.01 + 0.09) / 3)];
  const close = (values: number[]) => values.map((value) => expect.closeTo(value, 12));
  expect(advantageEstimators.grpo(group)).toEqual(
    close(group.map((reward) => (reward - mean) / (std + 1e-6))),
  );
  expect(advantageEstimators.rloo(group)).toEqual(close([1 - 0.2, -1.6 / 3, 0.5 - 1.1 / 3, -0.4]));
  expect(advantageEstimators['dr-grpo'](group)).toEqual(close([0.6, -0.4, 0.1, -0.3]));
});
