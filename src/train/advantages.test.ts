import fc from 'fast-check';
import { expect, it } from 'vitest';
import { aggregate } from '../reward/aggregate.ts';
import { openRewardProfile, type RewardProfile } from '../reward/profile.ts';
import type { Components } from '../reward/score.ts';
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

const shipped = await openRewardProfile('medix-r1');

it('a part that does not vary within groups changes no advantage, whether parts are added or compared one by one', () => {
  const sample = { problem: '', images: [], referenceAnswer: 'a', accepted: [] };
  const score = fc.constantFrom(0, 0.25, 1).map((value) => ({ kind: 'scored', value }) as const);
  const rollout = fc.record({ judge: score, similarity: score, format: score });
  const groups = fc.array(fc.array(rollout, { minLength: 4, maxLength: 4 }), {
    minLength: 1,
    maxLength: 3,
  });
  const without = { judge: 0.5, similarity: 0.25, modality: 0, format: 0.25 };
  const withBoth = {
    judge: 0.25,
    similarity: 0.125,
    modality: 0,
    format: 0.125,
    rubric: 0.25,
    findings: 0.25,
  };
  const textOnly: RewardProfile['textOnly'] = [
    'judge',
    'similarity',
    'format',
    'rubric',
    'findings',
  ];
  const aggregations = fc.constantFrom<RewardProfile['aggregation']>('sum', 'per-component');
  fc.assert(
    fc.property(groups, score, score, aggregations, (some, rubric, findings, aggregation) => {
      const advantagesBy = (weights: RewardProfile['weights'], more: Partial<Components>) =>
        estimateAdvantages(
          some.map((group) =>
            group.map((components) => {
              const profile = { ...shipped, weights, textOnly, aggregation };
              const all = { ...components, ...more } as Components;
              const outcome = aggregate(profile, { sample, response: '' }, all);
              if (outcome.kind !== 'scored') throw new Error(outcome.message);
              return { ...outcome, tokens: 1 };
            }),
          ),
          { advantage: 'grpo' },
        ).flat();
      const plain = advantagesBy(without, {});
      const more = advantagesBy(withBoth, { rubric, findings });
      // Deviations are divided by with 1e-6 added, which halved rewards feel in their fifth digit.
      for (const [i, one] of more.entries()) expect(one).toBeCloseTo(plain[i] ?? Number.NaN, 4);
    }),
  );
});
