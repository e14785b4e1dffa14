/** What several answers to one question tell: whether one of them is right, and whether their majority is. */
import { invariant } from '../core/errors.ts';
import { type Metrics, meanOf, mergeMetrics } from '../core/metrics.ts';
import { extractAnswer } from '../reward/rules/extract.ts';
import { normalForm } from '../reward/rules/normal-form.ts';
import { isRight } from './filter-cause.ts';
import type { ScoredRollout } from './score-rollouts.ts';

/**
 * Means over questions, each in [0, 1]: `{stage}/pass@1` (share of right answers), `{stage}/pass@k` (one of k
 * is right) and `{stage}/maj@k` (the commonest answer is right; of several equally common ones the share that
 * is). Answers are equal where their forms by rule are (judge/normalise.ts); what has no single answer has no
 * vote. A question with an answer that could not be scored is in none of them.
 * @param questions k answers to each
 */
export function sampledMetrics(
  stage: string,
  questions: readonly (readonly ScoredRollout[])[],
  k: number,
): Metrics {
  const parts = questions.map((answers): Metrics => {
    invariant(answers.length === k, 'as many answers as were asked for');
    const right = answers.flatMap(({ outcome }) =>
      outcome.kind === 'scored' ? [isRight(outcome) ? 1 : 0] : [],
    );
    const isWhole = right.length === k;
    const value = (share: () => number) => (isWhole ? meanOf(share()) : meanOf());
    return {
      [`${stage}/pass@1`]: value(() => right.reduce<number>((a, b) => a + b, 0) / k),
      [`${stage}/pass@${k}`]: value(() => Math.max(...right)),
      [`${stage}/maj@${k}`]: value(() => majorityIsRight(answers, right)),
    };
  });
  return mergeMetrics(parts);
}

function majorityIsRight(answers: readonly ScoredRollout[], right: readonly number[]): number {
  const votes = new Map<string, number[]>();
  for (const [i, { rollout }] of answers.entries()) {
    const form = normalForm(extractAnswer(rollout.text) ?? '').text;
    if (form === '') continue;
    const same = votes.get(form) ?? [];
    same.push(right[i] ?? 0);
    votes.set(form, same);
  }
  const most = Math.max(...[...votes.values()].map(({ length }) => length));
  const winners = [...votes.values()].filter(({ length }) => length === most).flat();
  return winners.length === 0 ? 0 : winners.reduce((a, b) => a + b) / winners.length;
}
