import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoupledAdvantages } from './decoupled.ts';
import { advantageEstimators } from './estimators.ts';

const weights = [0.5, 0.3, 0.2];
const parts = (...values: number[]) => ({
  parts: values.map((value, i) => ({ weight: weights[i] ?? 0, value })),
  tokens: 1,
});

const values = fc.double({ min: 0, max: 1, noNaN: true });
const batches = fc.array(
  fc.array(fc.tuple(values, values, values), { minLength: 2, maxLength: 6 }),
  { minLength: 1, maxLength: 4 },
);

describe('decoupled advantages', () => {
  it('are, over the batch, of mean 0 and standard deviation 1 or 0', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const groups = batch.map((group) => group.map((rollout) => parts(...rollout)));
        const advantages = decoupledAdvantages(groups, 'grpo').flat();
        const mean = advantages.reduce((a, b) => a + b, 0) / advantages.length;
        const variance =
          advantages.reduce((sum, a) => sum + (a - mean) ** 2, 0) / (advantages.length - 1);
        expect(mean).toBeCloseTo(0, 6);
        expect(variance).toBeLessThan(1 + 1e-6);
      }),
    );
  });

  it('tell apart rollouts that are good at different things and add up alike', () => {
    const group = [parts(0.3, 0.5, 0), parts(0, 1, 0), parts(0, 0, 0), parts(0.6, 0, 0)];
    const [first, second, , fourth] = decoupledAdvantages([group], 'grpo')[0] ?? [];
    expect(first).not.toBeCloseTo(second ?? 0, 2);
    expect(second).not.toBeCloseTo(fourth ?? 0, 2);
  });

  it('weigh a part by its weight and not by its variance', () => {
    const loud = [parts(1, 0.01, 0), parts(0, 0, 0), parts(1, 0, 0), parts(0, 0.01, 0)];
    const quiet = [parts(1, 1, 0), parts(0, 0, 0), parts(1, 0, 0), parts(0, 1, 0)];
    const [a, b] = [loud, quiet].map((group) => decoupledAdvantages([group], 'grpo')[0] ?? []);
    for (const [i, advantage] of (a ?? []).entries()) expect(advantage).toBeCloseTo(b?.[i] ?? 0, 2);
  });

  it('of one part are those of the estimator, normalised over the batch', () => {
    const rewards = [1, 0, 0.5, 0.1];
    const group = rewards.map((value) => ({ parts: [{ weight: 1, value }], tokens: 1 }));
    const [advantages = []] = decoupledAdvantages([group], 'dr-grpo');
    const [alone = []] = advantageEstimators['dr-grpo'].estimate([
      rewards.map((reward) => ({ reward, tokens: 1 })),
    ]);
    const scale = (advantages[0] ?? 0) / (alone[0] ?? 1);
    expect(advantages).toEqual(alone.map((a) => expect.closeTo(a * scale, 9)));
  });

  it('hear nothing of a part that varies by rounding alone', () => {
    const real = [1, 0, 1, 0];
    const noise = [1e-7, 0, 0, 5e-8];
    const [noisy, clean] = [noise, [0, 0, 0, 0]].map((second) =>
      decoupledAdvantages([real.map((one, i) => parts(one, 0.4 + (second[i] ?? 0)))], 'grpo'),
    );
    expect(noisy).toEqual(clean);
    for (const estimator of ['grpo', 'rloo', 'dr-grpo', 'opo', 'maxrl'] as const) {
      const alone = noise.map((one) => parts(0.4 + one, 0.7));
      expect(decoupledAdvantages([alone], estimator)).toEqual([[0, 0, 0, 0]]);
      // A real difference in another group does not make it one.
      const batch = [alone, real.map((one) => parts(one, 0.7))];
      expect(decoupledAdvantages(batch, estimator)[0]?.every((a) => Math.abs(a) < 1e-9)).toBe(true);
    }
  });

  it('take the scale of noise as a parameter', () => {
    const group = [parts(0.5, 0), parts(0.50005, 0)];
    expect(decoupledAdvantages([group], 'grpo')).toEqual([[0, 0]]);
    const [[low = 0, high = 0] = []] = decoupledAdvantages([group], 'grpo', { noise: 1e-6 });
    expect(high).toBeCloseTo(-low, 12);
    expect(high).toBeGreaterThan(0.5);
  });

  it('take groups that are rewarded for other parts', () => {
    const groups = [
      [parts(1, 0), parts(0, 0)],
      [parts(1), parts(0)],
    ];
    const advantages = decoupledAdvantages(groups, 'grpo');
    expect(advantages.map((group) => group.length)).toEqual([2, 2]);
    expect(advantages[0]?.[0]).toBeCloseTo(advantages[1]?.[0] ?? 0, 5);
  });

  it('are 0 where nothing differs, and refuse a group whose rollouts have different parts', () => {
    expect(decoupledAdvantages([[parts(1, 1), parts(1, 1)]], 'grpo')).toEqual([[0, 0]]);
    expect(() => decoupledAdvantages([[parts(1, 1), parts(1)]], 'grpo')).toThrow(/same parts/);
    expect(() => decoupledAdvantages([[parts(1), parts(0)]], 'reinforce++')).toThrow(
      /within groups/,
    );
  });
});
