/** Rollouts of a run, one iteration in memory at a time, each with what its group says about it. */
import { standardDeviation } from '../../advantage/estimators.ts';
import type { RewardOutcome } from '../../reward/composite.ts';
import { componentsSchema } from '../../reward/score.ts';
import type { RolloutLine } from '../../run/records.ts';
import type { RolloutsKind } from '../../run/run-layout.ts';
import { readRolloutIterations, readRollouts } from '../../run/run-reader.ts';
import { filterCauseOf, isRight } from '../../train/filter-cause.ts';

export type Verdict = 'right' | 'wrong' | 'none';

export type StoredRollout = {
  readonly line: RolloutLine;
  /** As the metrics count: by the judge, else by what stands in for it; `none` without a reward. */
  readonly verdict: Verdict;
  /** Why its group was filtered out, or why it has no reward; null where it trained or validated. */
  readonly cause: string | null;
  /** Standard deviation of the rewards of its group; null where fewer than two have one. */
  readonly spread: number | null;
};

export type IterationRange = { readonly first: number; readonly last: number };

/**
 * Rollouts in the order of their iterations.
 * @param range bounds included
 * @throws MedixError 'run' where a record of the run is damaged
 */
export async function* storedRollouts(
  run: string,
  kind: RolloutsKind,
  { first, last }: IterationRange,
  signal: AbortSignal,
): AsyncGenerator<StoredRollout> {
  for (const iteration of await readRolloutIterations(run, kind)) {
    if (iteration < first || iteration > last) continue;
    signal.throwIfAborted();
    const lines = await readRollouts(run, iteration, kind);
    for (const group of groupsOf(lines)) yield* withGroup(group);
  }
}

function groupsOf(lines: readonly RolloutLine[]): RolloutLine[][] {
  const groups = new Map<string, RolloutLine[]>();
  for (const line of lines) {
    const key = groupOf(line);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [line]);
    else known.push(line);
  }
  return [...groups.values()];
}

/** The key of a rollout without its index in the group. */
function groupOf({ key }: Pick<RolloutLine, 'key'>): string {
  return key.slice(0, key.lastIndexOf('/'));
}

function withGroup(group: readonly RolloutLine[]): StoredRollout[] {
  const outcomes = group.map(outcomeOf);
  const rewards = group.flatMap(({ reward }) => (reward === null ? [] : [reward]));
  const spread = rewards.length > 1 ? standardDeviation(rewards) : null;
  return group.map((line, i) => {
    const outcome = outcomes[i];
    return {
      line,
      verdict: verdictOf(outcome),
      cause: causeOf(line, outcome, outcomes),
      spread,
    };
  });
}

/** Undefined where the recorded components cannot be read. */
function outcomeOf({ reward, components }: RolloutLine): RewardOutcome | undefined {
  const parsed = componentsSchema.safeParse(components).data;
  if (parsed === undefined) return undefined;
  if (reward !== null) return { kind: 'scored', reward, components: parsed };
  const failure = Object.values(parsed).find((score) => score.kind === 'unscored');
  return failure?.kind === 'unscored' ? { ...failure, components: parsed } : undefined;
}

function verdictOf(outcome: RewardOutcome | undefined): Verdict {
  if (outcome?.kind !== 'scored') return 'none';
  return isRight(outcome) ? 'right' : 'wrong';
}

function causeOf(
  { use }: RolloutLine,
  outcome: RewardOutcome | undefined,
  group: readonly (RewardOutcome | undefined)[],
): string | null {
  if (outcome?.kind === 'unscored') return outcome.cause;
  if (use !== 'filtered') return null;
  return filterCauseOf(group.filter((one) => one !== undefined));
}
