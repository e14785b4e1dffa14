/** Compares rewards and advantages before and after a change of profile or judge. Pure. */
import { advantageEstimators } from '../../advantage/estimators.ts';
import { keepGroup } from '../../advantage/filter.ts';
import { type Estimable, estimateAdvantages } from '../../train/advantages.ts';
import type { Estimation } from '../../train/algorithm.ts';

/** One side of a comparison: what the rollouts of a group got. */
export type GroupScores = {
  /** Null: unscored. */
  readonly rewards: readonly (number | null)[];
  /** Null where the rollout does not train. */
  readonly advantages: readonly (number | null)[];
  /** Whether the group trains. */
  readonly isKept: boolean;
};

/** Scores that hold only some digits of a cosine differ by less; see {@link keepGroup}. */
const sameReward = 1e-6;

/**
 * Rewards, group decisions and advantages of a batch as training takes them.
 * @param groups [P, G]; undefined: unscored
 */
export function scoreGroups(
  groups: readonly (readonly (Estimable | undefined)[])[],
  estimation: Estimation,
): GroupScores[] {
  const { smallestGroup } = advantageEstimators[estimation.advantage];
  const scored = groups.map((group) => group.filter((item) => item !== undefined));
  const isKept = scored.map((group) => keepGroup(group, estimation.filter, smallestGroup));
  const advantages = estimateAdvantages(
    scored.filter((_, g) => isKept[g]),
    estimation,
  );
  let next = 0;
  return groups.map((group, g) => {
    const values = isKept[g] ? (advantages[next++] ?? []) : [];
    let position = 0;
    return {
      rewards: group.map((item) => item?.reward ?? null),
      advantages: group.map((item) => (item ? (values[position++] ?? null) : null)),
      isKept: isKept[g] ?? false,
    };
  });
}

export type ReplaySummary = {
  readonly rollouts: number;
  readonly groups: number;
  /** Rollouts that have a reward before and after; the next three fields are about these. */
  readonly compared: number;
  readonly meanBefore: number | null;
  readonly meanAfter: number | null;
  /** Rewards that differ. */
  readonly changed: number;
  readonly lostReward: number;
  readonly gainedReward: number;
  /**
   * Kendall's τ-b of the rewards before and after, in [-1, 1], the mean over groups in which both differ
   * between rollouts; null where there is no such group.
   */
  readonly rankCorrelation: number | null;
  readonly rankedGroups: number;
  /** Groups that were trained on and no longer are, and the other way round. */
  readonly dropped: number;
  readonly added: number;
  /** Rollouts that are trained on before and after, and those of them whose advantage changes its sign. */
  readonly trainedTwice: number;
  readonly signChanges: number;
  /** Of these the mean size of the advantage before, and by how much it changes; null where there are none. */
  readonly advantageBefore: number | null;
  readonly advantageShift: number | null;
};

export type ReplayTally = {
  add(before: GroupScores, after: GroupScores): void;
  summary(): ReplaySummary;
};

export function createReplayTally(): ReplayTally {
  const counts = {
    rollouts: 0,
    groups: 0,
    compared: 0,
    changed: 0,
    lostReward: 0,
    gainedReward: 0,
    rankedGroups: 0,
    dropped: 0,
    added: 0,
    trainedTwice: 0,
    signChanges: 0,
  };
  const sums = { before: 0, after: 0, correlation: 0, size: 0, shift: 0 };

  const addRewards = (before: number | null, after: number | null) => {
    if (before !== null && after === null) counts.lostReward++;
    if (before === null && after !== null) counts.gainedReward++;
    if (before === null || after === null) return;
    counts.compared++;
    sums.before += before;
    sums.after += after;
    if (Math.abs(after - before) > sameReward) counts.changed++;
  };
  const addAdvantages = (before: number | null, after: number | null) => {
    if (before === null || after === null) return;
    counts.trainedTwice++;
    sums.size += Math.abs(before);
    sums.shift += Math.abs(after - before);
    if (before * after < 0) counts.signChanges++;
  };

  return {
    add: (before, after) => {
      counts.groups++;
      counts.rollouts += before.rewards.length;
      for (const [i, reward] of before.rewards.entries()) {
        addRewards(reward, after.rewards[i] ?? null);
        addAdvantages(before.advantages[i] ?? null, after.advantages[i] ?? null);
      }
      if (before.isKept && !after.isKept) counts.dropped++;
      if (!before.isKept && after.isKept) counts.added++;
      const correlation = rankCorrelation(before.rewards, after.rewards);
      if (correlation === undefined) return;
      counts.rankedGroups++;
      sums.correlation += correlation;
    },
    summary: () => ({
      ...counts,
      meanBefore: ratio(sums.before, counts.compared),
      meanAfter: ratio(sums.after, counts.compared),
      rankCorrelation: ratio(sums.correlation, counts.rankedGroups),
      advantageBefore: ratio(sums.size, counts.trainedTwice),
      advantageShift: ratio(sums.shift, counts.trainedTwice),
    }),
  };
}

function ratio(sum: number, count: number): number | null {
  return count === 0 ? null : sum / count;
}

/** Kendall's τ-b over the pairs that have both values; undefined where either side has no order. */
function rankCorrelation(
  before: readonly (number | null)[],
  after: readonly (number | null)[],
): number | undefined {
  let agreement = 0;
  let ordersBefore = 0;
  let ordersAfter = 0;
  for (let i = 0; i < before.length; i++) {
    for (let j = 0; j < i; j++) {
      const was = order(before[i], before[j]);
      const is = order(after[i], after[j]);
      if (was === undefined || is === undefined) continue;
      agreement += was * is;
      ordersBefore += was * was;
      ordersAfter += is * is;
    }
  }
  if (ordersBefore === 0 || ordersAfter === 0) return undefined;
  return agreement / Math.sqrt(ordersBefore * ordersAfter);
}

function order(a: number | null | undefined, b: number | null | undefined): -1 | 0 | 1 | undefined {
  if (a == null || b == null) return undefined;
  if (Math.abs(a - b) <= sameReward) return 0;
  return a < b ? -1 : 1;
}
