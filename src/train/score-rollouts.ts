/**
 * Rewards for rollouts, and what happens when they fail to come: an unscored rollout has no reward, a
 * few of them are left out, too many are asked for once more and then stop the run. A dead judge is
 * never a wrong answer.
 */
import { fail } from '../core/errors.ts';
import type { FailureCause } from '../core/outcome.ts';
import type { RewardFunction, RewardOutcome } from '../reward/composite.ts';
import type { Rollout } from '../rollout/rollout.ts';

export type ScoredRollout = { readonly rollout: Rollout; readonly outcome: RewardOutcome };

export async function scoreRollouts(
  rollouts: readonly Rollout[],
  reward: RewardFunction,
  signal: AbortSignal,
): Promise<ScoredRollout[]> {
  const items = rollouts.map(({ sample, text }) => ({ sample, response: text }));
  const outcomes = await reward.score(items, signal);
  signal.throwIfAborted();
  return rollouts.map((rollout, i) => ({ rollout, outcome: outcomes[i]! }));
}

/** The rewards of those that have one. */
export function rewardsOf(rollouts: readonly ScoredRollout[]): number[] {
  return rollouts.flatMap(({ outcome }) => (outcome.kind === 'scored' ? [outcome.reward] : []));
}

/** Undefined where there is none. */
export function rewardOf(scored: ScoredRollout | undefined): number | undefined {
  return scored?.outcome.kind === 'scored' ? scored.outcome.reward : undefined;
}

export type UnscoredLimit = {
  /** Share of rollouts that may stay unscored, in [0, 1]. */
  readonly limit: number;
  /** How to resume after the error, as an imperative clause. */
  readonly next: string;
  /** Hears of a second attempt at scoring. */
  readonly onRescored: (unscored: number, stillUnscored: number) => Promise<void>;
};

/**
 * @param scored rollouts of one batch, in any grouping.
 * @returns the same rollouts in the same order; those that failed are scored once more when their share
 *   is above the limit.
 * @throws MedixError 'reward' when the share is above the limit even then; names the components that
 *   failed, who was asked for them and why there was no answer.
 */
export async function withinUnscoredLimit(
  scored: readonly ScoredRollout[],
  reward: RewardFunction,
  policy: UnscoredLimit,
  signal: AbortSignal,
): Promise<readonly ScoredRollout[]> {
  const unscored = scored.filter(({ outcome }) => outcome.kind === 'unscored');
  if (unscored.length <= policy.limit * scored.length) return scored;
  const again = await scoreRollouts(
    unscored.map(({ rollout }) => rollout),
    reward,
    signal,
  );
  const stillUnscored = again.filter(({ outcome }) => outcome.kind === 'unscored');
  await policy.onRescored(unscored.length, stillUnscored.length);
  if (stillUnscored.length > policy.limit * scored.length) {
    failUnscored(stillUnscored, scored.length, reward, policy);
  }
  const outcomes = new Map(again.map((item) => [item.rollout.key, item]));
  return scored.map((item) => outcomes.get(item.rollout.key) ?? item);
}

function failUnscored(
  unscored: readonly ScoredRollout[],
  total: number,
  reward: RewardFunction,
  { limit, next }: UnscoredLimit,
): never {
  const causes = countCauses(unscored);
  const counts = [...causes].map(([cause, count]) => `${count} ${cause}`).join(', ');
  const first = unscored.find(({ outcome }) => outcome.kind === 'unscored')?.outcome;
  const message = first?.kind === 'unscored' ? first.message : '';
  fail('reward', {
    where: failedComponents(unscored, reward),
    expected: `at most ${percent(limit)} of rollouts without a score`,
    got: `${percent(unscored.length / total)} after a second attempt (${counts}; first: ${message})`,
    next,
  });
}

/** How many have no reward, by cause; the commonest first. */
export function countCauses(scored: readonly ScoredRollout[]): ReadonlyMap<FailureCause, number> {
  const counts = new Map<FailureCause, number>();
  for (const { outcome } of scored) {
    if (outcome.kind === 'scored') continue;
    counts.set(outcome.cause, (counts.get(outcome.cause) ?? 0) + 1);
  }
  return new Map([...counts].sort(([, a], [, b]) => b - a));
}

/** Which components failed and who was asked for them, e.g. `reward component judge (asked of qwen3)`. */
function failedComponents(
  unscored: readonly ScoredRollout[],
  { judge, embedder }: RewardFunction,
): string {
  const asked: Readonly<Record<string, string>> = {
    judge: judge.id,
    similarity: embedder.id,
    rubric: judge.id,
    findings: embedder.id,
  };
  const failed = unscored.flatMap(({ outcome }) =>
    Object.entries(outcome.components).flatMap(([name, { kind }]) =>
      kind === 'unscored' ? [name] : [],
    ),
  );
  const names = [...new Set(failed)];
  const parts = names.map((name) =>
    asked[name] === undefined ? name : `${name} (asked of ${asked[name]})`,
  );
  return `reward component ${parts.join(' and ')}`;
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}
