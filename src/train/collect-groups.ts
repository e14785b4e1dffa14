/**
 * The batch of one iteration: draw prompts, sample groups, score them, keep those that can teach.
 *
 * Dynamic sampling (DAPO, arXiv 2503.14476): groups whose rewards tell nothing are replaced by further
 * draws. Deviations from the MediX-R1 code: a round draws only as many prompts as are missing, so nothing
 * sampled is thrown away as surplus; a round that keeps nothing is no error; scoring of one group runs
 * while the next is sampled.
 */
import { type GroupFilter, keepGroup } from '../advantage/filter.ts';
import type { Engine } from '../engine/engine.ts';
import type { RewardFunction } from '../reward/composite.ts';
import { type GroupRequest, type SamplingSettings, sampleGroups } from '../rollout/rollout.ts';
import type { PromptSource, Rejection } from './prompt-source.ts';
import {
  type ScoredRollout,
  scoreRollouts,
  type UnscoredLimit,
  withinUnscoredLimit,
} from './score-rollouts.ts';

export type CollectedGroup = {
  /** `filtered`: told nothing; `unscored`: fewer rollouts have a reward than the advantages need. */
  readonly use: 'trained' | 'filtered' | 'unscored';
  readonly rollouts: readonly ScoredRollout[];
  /** The greedy completion of the prompt, where advantages compare with it. */
  readonly greedy?: ScoredRollout;
};

export type Collection = {
  /** Everything sampled, in the order of the draws. */
  readonly groups: readonly CollectedGroup[];
  /** Draws made by the end. */
  readonly draws: number;
  readonly rounds: number;
  readonly rejected: readonly Rejection[];
};

export type CollectSettings = {
  readonly seed: number;
  readonly iteration: number;
  /** Draws made before. */
  readonly draws: number;
  /** Groups wanted. */
  readonly groups: number;
  readonly groupSize: number;
  readonly maxCompletionTokens: number;
  readonly maxRounds: number;
  readonly filter: GroupFilter;
  /** Scored rollouts that the advantage estimator needs in a group. */
  readonly smallestGroup: number;
  /** Whether it needs a greedy completion of each prompt too. @default false */
  readonly needsGreedy?: boolean;
  readonly unscored: UnscoredLimit;
  readonly onSampled: (done: number, of: number) => Promise<void>;
  /** Called where sampling of a round has ended, and where its last score has come. */
  readonly lap: (key: 'time/sampleMs' | 'time/scoreMs') => void;
};

/**
 * @returns as many trained groups as wanted, or fewer when `maxRounds` rounds did not yield them.
 * @throws MedixError 'reward' when too many rollouts stay unscored, 'data' when no prompt fits.
 */
export async function collectGroups(
  source: PromptSource,
  engine: Engine,
  reward: RewardFunction,
  settings: CollectSettings,
  signal: AbortSignal,
): Promise<Collection> {
  const groups: CollectedGroup[] = [];
  const rejected: Rejection[] = [];
  let { draws } = settings;
  let missing = settings.groups;
  let rounds = 0;
  while (missing > 0 && rounds < settings.maxRounds) {
    rounds++;
    const drawn = await source.take(missing, draws);
    draws = drawn.draws;
    rejected.push(...drawn.rejected);
    const requests = drawn.prompts.map(({ draw, ...prompt }) => ({
      ...prompt,
      key: `${settings.seed}/${settings.iteration}/${draw}/${prompt.sample.id}`,
    }));
    const sampled = await sampleAndScore(requests, engine, reward, settings, signal);
    const scored = await withinUnscoredLimit(sampled, reward, settings.unscored, signal);
    const collected = groupsOf(scored, settings);
    groups.push(...collected);
    missing -= collected.filter(({ use }) => use === 'trained').length;
  }
  return { groups, draws, rounds, rejected };
}

/** @param scored group after group, the greedy completion of each last where there is one */
function groupsOf(scored: readonly ScoredRollout[], settings: CollectSettings): CollectedGroup[] {
  const { groupSize, needsGreedy = false } = settings;
  return chunks(scored, needsGreedy ? groupSize + 1 : groupSize).map((one) => {
    const rollouts = one.slice(0, groupSize);
    const greedy = one[groupSize];
    const isComparable = !needsGreedy || greedy?.outcome.kind === 'scored';
    const use = isComparable ? useOf(rollouts, settings) : 'unscored';
    return { use, rollouts, ...(greedy ? { greedy } : {}) };
  });
}

/** All rollouts in the order of the requests; those of a prompt together, the greedy one last where there is one. */
async function sampleAndScore(
  requests: readonly GroupRequest[],
  engine: Engine,
  reward: RewardFunction,
  settings: CollectSettings,
  signal: AbortSignal,
): Promise<ScoredRollout[]> {
  const sampling: SamplingSettings = {
    groupSize: settings.groupSize,
    maxCompletionTokens: settings.maxCompletionTokens,
    // Sampler logprobs stand in for the old policy's only when nothing reshapes its distribution.
    temperature: 1,
    topP: 1,
    topK: 0,
  };
  let done = 0;
  const score = async (
    from: readonly GroupRequest[],
    how: SamplingSettings,
    onSampled: () => Promise<void>,
  ) => {
    const scoring: Promise<ScoredRollout[]>[] = [];
    for await (const { position, group } of sampleGroups(engine, from, how, signal)) {
      const scored = scoreRollouts(group.rollouts, reward, signal);
      // Awaited below; until then a failure must not count as unhandled.
      scored.catch(() => undefined);
      scoring[position] = scored;
      await onSampled();
    }
    return scoring;
  };
  const sampled = await score(requests, sampling, () =>
    settings.onSampled(++done, requests.length),
  );
  const greedily = { ...sampling, groupSize: 1, temperature: 0 };
  const greedy = settings.needsGreedy
    ? await score(
        requests.map((request) => ({ ...request, key: `${request.key}/greedy` })),
        greedily,
        async () => {},
      )
    : [];
  settings.lap('time/sampleMs');
  const groups = await Promise.all(sampled);
  const lasts = await Promise.all(greedy);
  settings.lap('time/scoreMs');
  return groups.flatMap((group, i) => [...group, ...(lasts[i] ?? [])]);
}

/** What becomes of a group. */
export function useOf(
  rollouts: readonly ScoredRollout[],
  { filter, smallestGroup }: Pick<CollectSettings, 'filter' | 'smallestGroup'>,
): CollectedGroup['use'] {
  const scored = rollouts.flatMap(({ outcome }) => (outcome.kind === 'scored' ? [outcome] : []));
  if (scored.length < smallestGroup) return 'unscored';
  return keepGroup(scored, filter, smallestGroup) ? 'trained' : 'filtered';
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const result: T[][] = [];
  for (let start = 0; start < items.length; start += size) {
    result.push(items.slice(start, start + size));
  }
  return result;
}
