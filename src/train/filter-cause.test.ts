import { expect, it } from 'vitest';
import type { Score } from '../core/outcome.ts';
import type { RewardOutcome } from '../reward/composite.ts';
import { filterCause } from './filter-cause.ts';
import type { ScoredRollout } from './score-rollouts.ts';

const score = (value: number): Score => ({ kind: 'scored', value });

function rollout(judge: number, similarity: number, format: number): ScoredRollout {
  const components = {
    judge: score(judge),
    similarity: score(similarity),
    modality: score(format),
    format: score(format),
  };
  const reward = 0.5 * judge + 0.3 * similarity + 0.2 * format;
  return withOutcome({ kind: 'scored', reward, components });
}

function withOutcome(outcome: RewardOutcome): ScoredRollout {
  return { rollout: {} as ScoredRollout['rollout'], outcome };
}

it.each([
  ['allRight', [rollout(1, 1, 1), rollout(1, 0.9, 1)]],
  ['allWrong', [rollout(0, 0, 0), rollout(0, 0, 0)]],
  ['formatOnly', [rollout(0, 0, 1), rollout(0, 0, 1)]],
  ['other', [rollout(0, 0.9, 1), rollout(0, 0.9, 1)]],
  ['other', [rollout(1, 0, 0), rollout(0, 1, 1)]],
] as const)('tells groups that are %s', (cause, group) => {
  expect(filterCause(group)).toBe(cause);
});

it('passes over unscored rollouts, and judges by the reward where nothing else says what is right', () => {
  const failed = { kind: 'unscored', cause: 'timeout', message: 'none' } as const;
  const unscored = withOutcome({ ...failed, components: { format: score(0) } });
  expect(filterCause([rollout(1, 1, 1), unscored])).toBe('allRight');
  const formed = (reward: number) =>
    withOutcome({ kind: 'scored', reward, components: { format: score(reward) } });
  expect(filterCause([formed(1), formed(1)])).toBe('allRight');
  expect(filterCause([formed(0), formed(0)])).toBe('allWrong');
});
