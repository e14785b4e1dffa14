import { defined } from '../core/errors.ts';
import type { Score } from '../core/outcome.ts';
import type { Judge, JudgeItem } from '../judge/judge.ts';
import type { AnswerCheck } from './answer-check.ts';
import { binaryScore } from './score.ts';

/**
 * One score per checked answer, in order. Only answers that rules do not decide reach the judge, all in
 * one call. `questions` runs parallel to `checks`.
 */
export async function scoreByJudge(
  checks: readonly AnswerCheck[],
  questions: readonly string[],
  judge: Judge,
  signal: AbortSignal,
): Promise<Score[]> {
  const items = checks.flatMap((check, index): JudgeItem[] => {
    if (check.kind !== 'compare') return [];
    const { answer, reference, accepted } = check;
    return [{ question: questions[index] ?? '', answer, reference, accepted }];
  });
  const outcomes = items.length > 0 ? await judge.judge(items, signal) : [];
  let next = 0;
  return checks.map((check) => {
    if (check.kind === 'wrong') return binaryScore(false, check.reason);
    if (check.kind === 'exact') return binaryScore(true, 'exact match');
    const outcome = defined(outcomes[next++], 'verdict');
    return outcome.kind === 'judged' ? binaryScore(outcome.correct, outcome.reply) : outcome;
  });
}
