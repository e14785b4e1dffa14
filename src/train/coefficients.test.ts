import { expect, it } from 'vitest';
import { meanOf } from '../core/metrics.ts';
import { adaptedCoefficients, startCoefficients, withCoefficients } from './coefficients.ts';
import { toyAlgorithm } from './loop.fixture.ts';

const kl = (value: number) => ({ 'update/kl': meanOf(value) });
const entropy = (value: number) => ({ 'update/entropy': meanOf(value) });

it('a KL weight grows while the KL is above its target and shrinks below, by 2 % at most', () => {
  const algorithm = toyAlgorithm({ preset: 'grpo', loss: { klTarget: 0.1 } });
  const start = startCoefficients(algorithm);
  const next = (value: number) => adaptedCoefficients(start, algorithm, kl(value)).kl;
  expect(next(0.1)).toBeCloseTo(0.01, 12);
  expect(next(0.11)).toBeCloseTo(0.01 * 1.01, 12);
  expect(next(5)).toBeCloseTo(0.01 * 1.02, 12);
  expect(next(0)).toBeCloseTo(0.01 * 0.98, 12);
});

it('a KL penalty in the reward follows the KL of the rollouts', () => {
  const loss = { klIn: 'reward', klTarget: 0.1 } as const;
  const algorithm = toyAlgorithm({ preset: 'grpo', loss });
  const metrics = { 'rollout/kl': meanOf(9) };
  const next = adaptedCoefficients(startCoefficients(algorithm), algorithm, metrics);
  const adapted = withCoefficients(algorithm, next);
  expect(adapted.rewardPenalty?.coefficient).toBeCloseTo(0.0102, 12);
  expect(adapted.loss.klCoefficient).toBe(0);
});

it('an entropy bonus grows from nothing while the entropy is low, and rests while it is high', () => {
  const algorithm = toyAlgorithm({ loss: { entropyTarget: 0.5 } });
  let state = startCoefficients(algorithm);
  expect(withCoefficients(algorithm, state).loss.entropyCoefficient).toBe(0);
  state = adaptedCoefficients(state, algorithm, entropy(0.4));
  state = adaptedCoefficients(state, algorithm, entropy(0.3));
  expect(withCoefficients(algorithm, state).loss.entropyCoefficient).toBeCloseTo(0.01, 12);
  state = adaptedCoefficients(state, algorithm, entropy(0.6));
  expect(state.entropy).toBeCloseTo(0.005, 12);
  expect(withCoefficients(algorithm, state).loss.entropyCoefficient).toBe(0);
  for (let i = 0; i < 3; i++) state = adaptedCoefficients(state, algorithm, entropy(0.6));
  expect(state.entropy).toBe(0);
});

it('weights without a target stay, and so do those whose value was not measured', () => {
  const fixed = toyAlgorithm({ preset: 'grpo' });
  const start = startCoefficients(fixed);
  expect(adaptedCoefficients(start, fixed, { ...kl(9), ...entropy(0) })).toEqual(start);
  const adapted = toyAlgorithm({ preset: 'grpo', loss: { klTarget: 0.1, entropyTarget: 1 } });
  expect(adaptedCoefficients(start, adapted, {})).toEqual(start);
  expect(withCoefficients(fixed, start)).toEqual(fixed);
});
