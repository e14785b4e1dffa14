import { defined } from '../../core/errors.ts';
import type { Score } from '../../core/outcome.ts';
import { withoutImageMarks } from '../../data/image-marks.ts';
import type { Judge, JudgeItem, JudgeOutcome } from '../../judge/judge.ts';
import type { RewardItem } from '../reward-item.ts';
import type { AnswerCheck } from '../rules/answer-check.ts';
import { binaryScore } from '../score.ts';

/** A response whose answer was checked by rule. */
export type CheckedItem = RewardItem & { readonly check: AnswerCheck };

/**
 * One score per checked answer, in order. Only answers that rules do not decide reach the judge, all in
 * one call.
 */
export async function scoreByJudge(
  items: readonly CheckedItem[],
  judge: Judge,
  signal: AbortSignal,
): Promise<Score[]> {
  const questions = items.flatMap(({ check, sample: { problem, images } }): JudgeItem[] => {
    if (check.kind !== 'compare') return [];
    const { answer, referenceAnswer, accepted } = check;
    if (images.length === 0) return [{ question: problem, answer, referenceAnswer, accepted }];
    const question = withoutImageMarks(problem);
    return [{ question, answer, referenceAnswer, accepted, images }];
  });
  const outcomes = questions.length > 0 ? await judge.judge(questions, signal) : [];
  let next = 0;
  return items.map(({ check }) => {
    if (check.kind === 'wrong') return binaryScore(false, check.reason);
    if (check.kind === 'exact') return binaryScore(true, 'exact match');
    return toScore(defined(outcomes[next++], 'verdict'));
  });
}

function toScore(outcome: JudgeOutcome): Score {
  if (outcome.kind === 'unscored') return outcome;
  const { correct, reply, margin, share = correct ? 1 : 0, disagreement } = outcome;
  const certainty = margin === undefined ? '' : ` (margin ${margin.toFixed(2)})`;
  const detail = `${reply}${certainty}`;
  const agreeing = disagreement === undefined ? {} : { disagreement };
  return { kind: 'scored', value: share, detail, ...agreeing };
}
