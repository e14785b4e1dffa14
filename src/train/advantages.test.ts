import { expect, it } from 'vitest';
import { estimateAdvantages, requireComparableParts } from './advantages.ts';

it('advantages compare what their estimator compares: groups, or the whole batch', () => {
  const groups = [
    [1, 0].map((reward) => ({ reward, tokens: 1 })),
    [1, 1].map((reward) => ({ reward, tokens: 1 })),
  ];
  const [, within = []] = estimateAdvantages(groups, { advantage: 'dr-grpo' });
  const [, over = []] = estimateAdvantages(groups, { advantage: 'reinforce++' });
  expect(within).toEqual([0, 0]);
  expect(over[0]).toBeCloseTo(0.5, 5);
});

it('a reward that is compared part by part takes neither advantages over the batch nor a penalty', () => {
  const parted = { aggregation: 'per-component' } as const;
  const rewardPenalty = { coefficient: 0.1, estimator: 'k1' } as const;
  expect(() => requireComparableParts(parted, { advantage: 'grpo' })).not.toThrow();
  expect(() => requireComparableParts(parted, { advantage: 'reinforce++' })).toThrow(
    /algorithm\.advantage: expected an advantage within groups/,
  );
  expect(() => requireComparableParts(parted, { advantage: 'grpo', rewardPenalty })).toThrow(
    /algorithm\.loss\.klIn/,
  );
  const summed = { aggregation: 'sum' } as const;
  expect(() => requireComparableParts(summed, { advantage: 'reinforce++' })).not.toThrow();
});
