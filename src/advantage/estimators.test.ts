import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AdvantageName, advantageEstimators, type Rewarded } from './estimators.ts';

const names = Object.keys(advantageEstimators) as AdvantageName[];
const passAtK = 2;

/** Estimators whose advantages do not change when every reward grows alike. */
const shiftless = names.filter((name) => name !== 'maxrl');

const rollout = fc.record({
  reward: fc.double({ min: 0, max: 1, noNaN: true }),
  tokens: fc.integer({ min: 1, max: 300 }),
});
const group = fc.array(rollout, { minLength: 2, maxLength: 16 });
const batch = fc.array(group, { minLength: 1, maxLength: 4 });

/** The greedy completion is given the mean of its group, so that it too is a baseline of mean 0. */
const estimate = (name: AdvantageName, groups: readonly (readonly Rewarded[])[]) =>
  advantageEstimators[name].estimate(
    groups.map((group) => {
      const greedyReward = group.reduce((sum, { reward }) => sum + reward, 0) / group.length;
      return group.map((one) => ({ greedyReward, ...one }));
    }),
    { passAtK },
  );

const rewarded = (...rewards: number[]) => rewards.map((reward) => ({ reward, tokens: 1 }));

type Golden = {
  readonly groups: readonly (readonly Rewarded[])[];
  readonly passAtK: number;
  readonly advantages: Readonly<Partial<Record<AdvantageName, readonly number[][]>>>;
};

const golden = JSON.parse(
  readFileSync(new URL('../../test/golden/advantages.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly Golden[] };

describe.each(names)('%s', (name) => {
  const { over, smallestGroup, needsGreedy = false } = advantageEstimators[name];

  it('agrees with torch', () => {
    for (const { groups, passAtK, advantages } of golden.cases) {
      const wanted = advantages[name]?.map((row) => row.map((one) => expect.closeTo(one, 9)));
      if (wanted === undefined) continue;
      expect(advantageEstimators[name].estimate(groups, { passAtK })).toEqual(wanted);
    }
  });

  it('adds up to zero, over the group or the batch, by length where it weighs by length', () => {
    fc.assert(
      fc.property(batch, (groups) => {
        const sums = estimate(name, groups).map((advantages, g) =>
          advantages.reduce(
            (sum, one, i) => sum + one * (name === 'opo' ? (groups[g]?.[i]?.tokens ?? 0) : 1),
            0,
          ),
        );
        const whole = over === 'group' ? sums : [sums.reduce((a, b) => a + b)];
        for (const sum of whole) expect(sum).toBeCloseTo(0, 6);
      }),
    );
  });

  it('ranks completions as their rewards do', () => {
    fc.assert(
      fc.property(group, (rollouts) => {
        const [advantages = []] = estimate(name, [rollouts]);
        for (let i = 1; i < rollouts.length; i++) {
          const [a, b] = [rollouts[i - 1]?.reward ?? 0, rollouts[i]?.reward ?? 0];
          if (a < b) expect(advantages[i - 1]).toBeLessThanOrEqual((advantages[i] ?? 0) + 1e-9);
        }
      }),
    );
  });

  it('is zero where no reward differs', () => {
    for (const advantage of estimate(name, [rewarded(0.145, 0.145, 0.145)]).flat()) {
      expect(advantage).toBeCloseTo(0, 9);
    }
  });

  it('refuses a group of one unless it compares with something else', () => {
    const two = [1, 0].map((reward) => [{ reward, tokens: 1, greedyReward: 0.5 }]);
    if (over === 'group' && !needsGreedy) expect(() => estimate(name, two)).toThrow(/two rewards/);
    expect(smallestGroup).toBe(name === 'reinforce++' || name === 'remax' ? 1 : 2);
    if (smallestGroup === 1) expect(estimate(name, two)[0]?.[0]).toBeGreaterThan(0);
  });
});

it.each(shiftless)('%s does not change when every reward shifts alike', (name) => {
  fc.assert(
    fc.property(batch, fc.double({ min: -1, max: 1, noNaN: true }), (groups, shift) => {
      const shifted = groups.map((rollouts) =>
        rollouts.map(({ reward, tokens }) => ({ reward: reward + shift, tokens })),
      );
      const before = estimate(name, groups).flat();
      const after = estimate(name, shifted).flat();
      // At the edge of the noise the shift's rounding may decide.
      fc.pre(before.every((one) => one === 0) === after.every((one) => one === 0));
      for (const [i, advantage] of before.entries()) expect(after[i]).toBeCloseTo(advantage, 6);
    }),
  );
});

it('grpo makes nothing of rewards that differ by rounding alone, on a scale that can be set', () => {
  const group = [rewarded(0.145, 0.145 + 1e-7, 0.145 - 5e-8)];
  const { estimate } = advantageEstimators.grpo;
  expect(estimate(group)).toEqual([[0, 0, 0]]);
  const [[, high = 0] = []] = estimate(group, { noise: 1e-9 });
  expect(high).toBeGreaterThan(0.05);
});

it('gives the published values', () => {
  const rewards = [1, 0, 0.5, 0.1];
  const [mean, std] = [0.4, Math.sqrt((0.36 + 0.16 + 0.01 + 0.09) / 3)];
  const close = (values: number[]) => [values.map((value) => expect.closeTo(value, 12))];
  const group = [rewarded(...rewards)];
  expect(estimate('grpo', group)).toEqual(
    close(rewards.map((reward) => (reward - mean) / (std + 1e-6))),
  );
  expect(estimate('rloo', group)).toEqual(close([1 - 0.2, -1.6 / 3, 0.5 - 1.1 / 3, -0.4]));
  expect(estimate('dr-grpo', group)).toEqual(close([0.6, -0.4, 0.1, -0.3]));
  expect(estimate('maxrl', group)).toEqual(close([1.5, -1, 0.25, -0.75]));
});

it('remax compares with the greedy completion, also where a group is all right', () => {
  const group = [1, 1].map((reward) => ({ reward, tokens: 1, greedyReward: 0.25 }));
  expect(advantageEstimators.remax.estimate([group])).toEqual([[0.75, 0.75]]);
  expect(() => advantageEstimators.remax.estimate([rewarded(1)])).toThrow(/greedy/);
});

it('opo counts a completion by its length', () => {
  const group = [
    { reward: 1, tokens: 30 },
    { reward: 0, tokens: 10 },
  ];
  expect(estimate('opo', [group])).toEqual([[0.25, -0.75]]);
});

it('pass@k gives nothing where every draw holds a right answer, or where there is one draw only', () => {
  expect(estimate('pass@k', [rewarded(1, 1, 0)])).toEqual([[0, 0, 0]]);
  expect(estimate('pass@k', [rewarded(1, 0)])).toEqual([[0, 0]]);
});

it('maxrl gives nothing where nothing is right', () => {
  expect(estimate('maxrl', [rewarded(0, 0, -0.1)])).toEqual([[0, 0, 0]]);
});
