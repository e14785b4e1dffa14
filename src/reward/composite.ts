/** The composite reward: checks by rule, then one call to the judge and one to the embedder, side by side. */
import { defined } from '../core/errors.ts';
import type { Score } from '../core/outcome.ts';
import type { Embedder, EmbedderDescription } from '../embed/embedder.ts';
import type { Judge, JudgeDescription } from '../judge/judge.ts';
import { aggregate, type RewardOutcome } from './aggregate.ts';
import { contradiction } from './components/contradiction.ts';
import { scoreByJudge } from './components/judge.ts';
import { scoreBySimilarity } from './components/similarity.ts';
import type { RewardProfile } from './profile.ts';
import type { RewardItem } from './reward-item.ts';
import { rewardRules } from './rules/rules.ts';
import { binaryScore } from './score.ts';

export type { RewardOutcome } from './aggregate.ts';

export type RewardFunction = {
  readonly profile: RewardProfile;
  /** Who is asked, for messages and manifests. */
  readonly judge: JudgeDescription;
  readonly embedder: EmbedderDescription;
  /** One outcome per item, in the order of the items. Failures are outcomes; only a defect rejects. */
  score(items: readonly RewardItem[], signal: AbortSignal): Promise<readonly RewardOutcome[]>;
};

/** The caller keeps judge and embedder and closes them. */
export function createReward(parts: {
  readonly profile: RewardProfile;
  readonly judge: Judge;
  readonly embedder: Embedder;
}): RewardFunction {
  const { profile, judge, embedder } = parts;
  const read = rewardRules[profile.rules];
  const comparing = {
    findConflict: profile.contradiction ? contradiction : () => undefined,
    blanks: profile.rules === 'medix-r1-reference' ? 'embedded' : 'refused',
  } as const;
  const settle = profile.onFailure === 'zero' ? failureAsWrong : (score: Score) => score;

  const score = async (items: readonly RewardItem[], signal: AbortSignal) => {
    const readings = items.map((item) => read(item, profile.guards));
    const checks = readings.map(({ check }) => check);
    const [judged, similar] = await Promise.all([
      scoreByJudge(checks, items, judge, signal),
      scoreBySimilarity(checks, embedder, profile.similarity, comparing, signal),
    ]);
    return items.map((item, index) => {
      const { check: _, ...byRule } = defined(readings[index], 'reading');
      return aggregate(profile, item, {
        judge: settle(defined(judged[index], 'judge score')),
        similarity: settle(defined(similar[index], 'similarity score')),
        ...byRule,
      });
    });
  };
  return { profile, judge: judge.describe, embedder: embedder.describe, score };
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
