/**
 * The composite reward: checks by rule, then one call to the judge, one to the embedder and one to each
 * component of the user's own, side by side, each with the items for which it counts. Where a check by rule
 * is a gate of 0, judge and embedder are not asked.
 */
import { defined } from '../core/errors.ts';
import type { Score } from '../core/outcome.ts';
import type { Embedder, EmbedderDescription } from '../embed/embedder.ts';
import type { Judge, JudgeDescription } from '../judge/judge.ts';
import { aggregate, closedGate, counts, type RewardOutcome } from './aggregate.ts';
import { contradiction } from './components/contradiction.ts';
import { type CheckedItem, scoreByJudge } from './components/judge.ts';
import { type OwnComponent, ownScoresAt, scoreByOwn } from './components/own-component.ts';
import { scoreBySimilarity } from './components/similarity.ts';
import type { RewardProfile } from './profile.ts';
import type { RewardItem } from './reward-item.ts';
import { rewardRules } from './rules/rules.ts';
import { binaryScore, type Components } from './score.ts';

export type { RewardOutcome } from './aggregate.ts';

export type RewardFunction = {
  readonly profile: RewardProfile;
  /** Who is asked, for messages and manifests. */
  readonly judge: JudgeDescription;
  readonly embedder: EmbedderDescription;
  /** One outcome per item, in the order of the items. Failures are outcomes; only a defect rejects. */
  score(items: readonly RewardItem[], signal: AbortSignal): Promise<readonly RewardOutcome[]>;
};

/**
 * The caller keeps judge, embedder and own components and closes them.
 * @param parts.own Their weights are those of the profile, see {@link withOwnComponents}. @default none
 */
export function createReward(parts: {
  readonly profile: RewardProfile;
  readonly judge: Judge;
  readonly embedder: Embedder;
  readonly own?: readonly OwnComponent[];
}): RewardFunction {
  const { profile, judge, embedder, own = [] } = parts;
  const read = rewardRules[profile.rules];
  const comparing = {
    findConflict: profile.contradiction ? contradiction : () => undefined,
    blanks: profile.rules === 'medix-r1-reference' ? 'embedded' : 'refused',
  } as const;
  const settle = profile.onFailure === 'zero' ? failureAsWrong : (score: Score) => score;
  const settled = (name: 'judge' | 'similarity', score: Score | undefined) =>
    score === undefined ? {} : { [name]: settle(score) };

  const score = async (items: readonly RewardItem[], signal: AbortSignal) => {
    const readings = items.map((item) => read(item, profile.guards));
    const checked = readings.map(({ check, ...byRule }, index) => {
      const item = defined(items[index], 'item of a reading');
      return { check, isDecided: closedGate(profile, item.sample, byRule) !== undefined, ...item };
    });
    const ask = (name: 'judge' | 'similarity', score: ScoreChecked) =>
      whereNeeded(
        checked,
        ({ sample, isDecided }) => !isDecided && counts(profile, sample, name),
        score,
      );
    const [judged, similar, owned] = await Promise.all([
      ask('judge', (some) => scoreByJudge(some, judge, signal)),
      ask('similarity', (some) =>
        scoreBySimilarity(
          some.map(({ check }) => check),
          embedder,
          profile.similarity,
          comparing,
          signal,
        ),
      ),
      scoreByOwn(own, items, signal),
    ]);
    return items.map((item, index) => {
      const { check: _, ...byRule } = defined(readings[index], 'reading');
      const components: Components = {
        ...settled('judge', judged[index]),
        ...settled('similarity', similar[index]),
        ...byRule,
        ...ownScoresAt(owned, index),
      };
      return aggregate(profile, item, components);
    });
  };
  return { profile, judge: judge.describe, embedder: embedder.describe, score };
}

type ScoreChecked = (items: readonly CheckedItem[]) => Promise<readonly Score[]>;

/** Parallel to `items`, with a score for those that need one. */
async function whereNeeded<Item extends CheckedItem>(
  items: readonly Item[],
  needs: (item: Item) => boolean,
  score: ScoreChecked,
): Promise<readonly (Score | undefined)[]> {
  const needing = items.filter(needs);
  const scores = await score(needing);
  const byItem = new Map(needing.map((item, index) => [item, defined(scores[index], 'score')]));
  return items.map((item) => byItem.get(item));
}

/**
 * The paper's code turns every exception into a wrong answer. Nothing outside of its rules may, and what was
 * never asked (the caller gave up, the cap was reached) was no exception there either.
 */
function failureAsWrong(score: Score): Score {
  if (score.kind === 'scored' || score.cause === 'cancelled' || score.cause === 'cap-reached') {
    return score;
  }
  return binaryScore(false, `${score.cause}: ${score.message}`);
}
