import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RolloutLine } from '../../run/records.ts';
import { createRanking, isSelected, type Selection } from './select-rollouts.ts';
import type { StoredRollout } from './stored-rollouts.ts';

function stored(line: Partial<RolloutLine>, more: Partial<StoredRollout> = {}): StoredRollout {
  return {
    line: {
      attempt: 1,
      iteration: 1,
      key: '1/1/0/a/0',
      sampleId: 'a',
      question: 'Which Organ?',
      reference: 'liver',
      source: 'hospital',
      completion: 'the spleen',
      completionTokens: 3,
      stopReason: 'stop',
      logprob: -1,
      reward: 0.5,
      components: {},
      advantage: null,
      use: 'filtered',
      ...line,
    },
    verdict: 'wrong',
    cause: 'allWrong',
    spread: 0,
    ...more,
  };
}

describe('a selection', () => {
  it.each<readonly [Selection, boolean]>([
    [{}, true],
    [{ minReward: 0.5, maxReward: 0.5 }, true],
    [{ minReward: 0.6 }, false],
    [{ maxReward: 0.4 }, false],
    [{ verdict: 'wrong', use: 'filtered', cause: 'allWrong' }, true],
    [{ verdict: 'right' }, false],
    [{ cause: 'allRight' }, false],
    [{ source: 'hospital', sample: 'a' }, true],
    [{ source: 'Hospital' }, false],
    [{ text: 'ORGAN' }, true],
    [{ text: 'liver' }, true],
    [{ text: 'spleen' }, true],
    [{ text: 'kidney' }, false],
  ])('%j of a filtered group in which none is right: %s', (selection, expected) => {
    expect(isSelected(stored({}), selection)).toBe(expected);
  });

  it('by reward leaves out what has none', () => {
    const unscored = stored({ reward: null }, { verdict: 'none' });
    expect(isSelected(unscored, { maxReward: 1 })).toBe(false);
    expect(isSelected(unscored, { minReward: 0 })).toBe(false);
    expect(isSelected(unscored, { verdict: 'none' })).toBe(true);
  });
});

describe('a ranking', () => {
  it('keeps what sorting all of them would put first', () => {
    const rewards = fc.array(fc.option(fc.integer({ min: 0, max: 9 }), { nil: null }));
    fc.assert(
      fc.property(rewards, fc.integer({ min: 1, max: 8 }), fc.boolean(), (all, limit, reversed) => {
        const rollouts = all.map((reward, i) => stored({ reward, key: `${i}` }));
        const ranking = createRanking('reward', limit, reversed);
        for (const rollout of rollouts) ranking.add(rollout);
        const worst = reversed ? 10 : -1;
        const value = ({ line }: StoredRollout) => line.reward ?? worst;
        const sorted = rollouts.toSorted((a, b) => (reversed ? 1 : -1) * (value(a) - value(b)));
        expect(ranking.ranked()).toEqual(sorted.slice(0, limit));
      }),
    );
  });

  it('by spread takes the groups that differ most', () => {
    const ranking = createRanking('spread', 1);
    for (const spread of [0.1, null, 0.4, 0.2]) ranking.add(stored({}, { spread }));
    expect(ranking.ranked().map(({ spread }) => spread)).toEqual([0.4]);
  });
});
