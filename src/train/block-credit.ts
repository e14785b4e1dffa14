/**
 * Which tokens a reward is credited to. Commonly all tokens of a completion share its whole reward, so a wrong reading
 * of the image becomes more likely where a right answer happened to follow it, and a right reading less likely where
 * the answer after it was wrong. With credit by block
 *
 *     tokens up to the end of the thinking   have the advantage of the score of the reading within the group,
 *     the tokens after it                    that of the rest of the reward.
 *
 * What is added to rewards (a KL penalty, a bonus) is added to both. Groups whose samples have no reading, and
 * completions without an end of their thinking, are credited as a whole. Like process supervision (arXiv 2402.03300,
 * section 4.1.3) in that rewards of steps go to the tokens of steps; unlike it, a step is not credited with what
 * comes after it, which is the very luck that is to be kept out.
 */
import { defined, fail } from '../core/errors.ts';
import { compositionOf, shareOfProfile } from '../reward/aggregate.ts';
import type { RewardProfile } from '../reward/profile.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { TrainingRollout } from './advantages.ts';
import type { Algorithm } from './algorithm.ts';
import type { CollectedGroup } from './collect-groups.ts';
import type { ScoredRollout } from './score-rollouts.ts';

const endOfThinking = '</thinking>';

/**
 * @param estimate the advantages of the scored rollouts of each trained group, in order
 * @param decode the text of tokens, without special tokens
 * @returns what `estimate` makes of the groups, with advantages of tokens where the credit is divided
 */
export function withBlockCredit(
  groups: readonly CollectedGroup[],
  estimate: (groups: readonly CollectedGroup[]) => TrainingRollout[][],
  profile: RewardProfile,
  decode: (tokens: readonly number[]) => string,
): TrainingRollout[][] {
  const rewardedBy = (block: keyof Credits) =>
    estimate(groups.map((group) => rewardedFor(group, block, profile)));
  const [readings, rests] = [rewardedBy('reading'), rewardedBy('rest')];
  return estimate(groups).map((group, g) =>
    group.map((rollout, i) => {
      const thinking = thinkingTokens(rollout, decode);
      if (rollout.sample.reading === undefined || thinking === undefined) return rollout;
      const reading = defined(readings[g]?.[i], 'advantage of a reading').advantage;
      const rest = defined(rests[g]?.[i], 'advantage of an answer').advantage;
      const tokenAdvantages = Float32Array.from(rollout.completion, (_, t) =>
        t < thinking ? reading : rest,
      );
      return { ...rollout, tokenAdvantages };
    }),
  );
}

/** @throws MedixError 'config' where credit is by block, and no reading is rewarded as a part of a sum */
export function requireDivisibleCredit(
  { aggregation, weights }: Pick<RewardProfile, 'aggregation' | 'weights'>,
  { credit }: Pick<Algorithm, 'credit'>,
): void {
  if (credit === 'completion' || (aggregation === 'sum' && (weights.reading ?? 0) > 0)) return;
  fail('config', {
    where: 'algorithm.credit',
    expected: '"completion", since the reward profile has no sum that a reading is a part of',
    got: '"block"',
    next: 'change it, or take a reward profile with aggregation "sum" and a weight for the reading, like medix-r1-reading',
  });
}

/** What the tokens of the two blocks are rewarded for. */
type Credits = { readonly reading: number; readonly rest: number };

function rewardedFor(
  group: CollectedGroup,
  block: keyof Credits,
  profile: RewardProfile,
): CollectedGroup {
  const rewarded = (scored: ScoredRollout): ScoredRollout => {
    const { rollout, outcome } = scored;
    if (outcome.kind === 'unscored') return scored;
    const { components, reward } = outcome;
    const score = components.reading;
    if (score?.kind !== 'scored') return scored;
    const { weights } = compositionOf(profile, rollout.sample, components);
    const weight = shareOfProfile(profile) * weights.reading;
    const credits = { reading: score.value, rest: reward - weight * score.value };
    return { rollout, outcome: { ...outcome, reward: credits[block] } };
  };
  const { rollouts, greedy } = group;
  return {
    ...group,
    rollouts: rollouts.map(rewarded),
    ...(greedy ? { greedy: rewarded(greedy) } : {}),
  };
}

/** Tokens up to and with the end of the thinking; undefined where it has none. */
export function thinkingTokens(
  { completion, text }: Pick<Rollout, 'completion' | 'text'>,
  decode: (tokens: readonly number[]) => string,
): number | undefined {
  if (!text.includes(endOfThinking)) return undefined;
  let [without, within] = [0, completion.length];
  while (within - without > 1) {
    const middle = Math.floor((without + within) / 2);
    if (decode([...completion.subarray(0, middle)]).includes(endOfThinking)) within = middle;
    else without = middle;
  }
  return within;
}
