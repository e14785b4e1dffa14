import { describe, expect, it } from 'vitest';
import type { Estimable } from '../../train/advantages.ts';
import { createReplayTally, type GroupScores, scoreGroups } from './comparison.ts';

const grpo = { advantage: 'grpo', filter: 'variance' } as const;

const rewardsOf = (...rewards: (number | null)[]) =>
  rewards.map((reward) => (reward === null ? undefined : { reward, tokens: 1 }));

const compare = (...groups: (readonly [(number | null)[], (number | null)[]])[]) => {
  const tally = createReplayTally();
  const side = (which: 0 | 1) =>
    scoreGroups(
      groups.map((group) => rewardsOf(...group[which])),
      grpo,
    );
  const [before, after] = [side(0), side(1)];
  before.forEach((scores, g) => {
    tally.add(scores, after[g] as GroupScores);
  });
  return tally.summary();
};

describe('scores of a group', () => {
  it('are those of training: unscored rollouts leave it, equal rewards teach nothing', () => {
    const [uneven, even, single] = scoreGroups(
      [rewardsOf(1, null, 0), rewardsOf(0.5, 0.5, 0.5), rewardsOf(1, null, null)],
      grpo,
    );
    expect(uneven?.isKept).toBe(true);
    expect(uneven?.rewards).toEqual([1, null, 0]);
    expect(uneven?.advantages).toEqual([
      expect.closeTo(Math.SQRT1_2, 5),
      null,
      expect.closeTo(-Math.SQRT1_2, 5),
    ]);
    for (const group of [even, single]) {
      expect(group?.isKept).toBe(false);
      expect(group?.advantages).toEqual([null, null, null]);
    }
  });

  it('come from the parts of a reward where it has parts', () => {
    const parts = (a: number, b: number): Estimable => ({
      reward: a,
      tokens: 1,
      parts: [
        { weight: 0.5, value: a },
        { weight: 0.5, value: b },
      ],
    });
    const [group] = scoreGroups([[parts(1, 0), parts(0, 0), parts(0, 1)]], grpo);
    expect(group?.advantages[0]).toBeCloseTo(group?.advantages[2] ?? 0, 6);
    expect(group?.advantages[1]).toBeLessThan(0);
  });
});

describe('a replay', () => {
  it('that changes nothing says so', () => {
    const rewards = [0, 0.5, 1];
    expect(compare([rewards, rewards])).toEqual({
      rollouts: 3,
      groups: 1,
      compared: 3,
      meanBefore: 0.5,
      meanAfter: 0.5,
      changed: 0,
      lostReward: 0,
      gainedReward: 0,
      rankCorrelation: 1,
      rankedGroups: 1,
      dropped: 0,
      added: 0,
      trainedTwice: 3,
      signChanges: 0,
      advantageBefore: expect.closeTo(2 / 3, 5),
      advantageShift: 0,
    });
  });

  it('counts rewards won and lost, groups that flip and advantages that turn', () => {
    const summary = compare(
      [
        [0, 1],
        [1, 0],
      ],
      [
        [0, 1, null],
        [0.5, 0.5, 0.5],
      ],
      [
        [0.2, 0.2, 0.4],
        [0.2, 0.9, null],
      ],
      [
        [1, 1],
        [0, 1],
      ],
    );
    expect(summary).toMatchObject({
      rollouts: 10,
      groups: 4,
      compared: 8,
      changed: 6,
      gainedReward: 1,
      lostReward: 1,
      dropped: 1,
      added: 1,
      trainedTwice: 4,
      signChanges: 3,
    });
  });

  it('ranks within groups only, with the tau-b of ties', () => {
    expect(
      compare([
        [1, 2, 3],
        [3, 2, 1],
      ]).rankCorrelation,
    ).toBeCloseTo(-1, 12);
    // scipy.stats.kendalltau([1, 2, 3, 4], [1, 1, 2, 2]) and ([1, 2, 3], [1, 3, 2])
    expect(
      compare([
        [1, 2, 3, 4],
        [1, 1, 2, 2],
      ]).rankCorrelation,
    ).toBeCloseTo(0.816496580927726, 12);
    expect(
      compare([
        [1, 2, 3],
        [1, 3, 2],
      ]).rankCorrelation,
    ).toBeCloseTo(1 / 3, 12);
    const means = compare(
      [
        [1, 2],
        [1, 2],
      ],
      [
        [1, 2],
        [2, 1],
      ],
      [
        [1, 1],
        [1, 2],
      ],
    );
    expect(means).toMatchObject({ rankCorrelation: 0, rankedGroups: 2 });
  });
});
