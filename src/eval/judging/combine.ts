/** Several opinions as one, by the majority of `judge/votes.ts`; a tie is neither right nor wrong. */
import { describeTie, isMost, majorityOf } from '../../judge/votes.ts';
import type { TaskKind, VerdictRow } from '../results/records.ts';

export type Outcome = VerdictRow['outcome'];

/**
 * Right or wrong by more than half of all outcomes; of reports, the mean score where more than half have
 * one. Where all failed, the first failure speaks for them.
 * @param outcomes at least one; scores in [0, 1], 0 or 1 unless of reports
 */
export function combine(kind: TaskKind, outcomes: readonly Outcome[]): Outcome {
  const scores = outcomes.flatMap((outcome) => (outcome.kind === 'scored' ? [outcome.score] : []));
  const failed = outcomes.find((outcome) => outcome.kind === 'failed');
  if (failed !== undefined && scores.length === 0) return failed;
  const sum = scores.reduce((total, score) => total + score, 0);
  const wrong = scores.length - sum;
  if (kind === 'report') {
    if (isMost(scores.length, outcomes.length)) {
      return { kind: 'scored', score: sum / scores.length };
    }
  } else {
    const isRight = majorityOf({ right: sum, wrong, asked: outcomes.length });
    if (isRight !== undefined) return { kind: 'scored', score: isRight ? 1 : 0 };
  }
  if (failed === undefined) {
    return { kind: 'failed', cause: 'tie', message: describeTie(sum, wrong) };
  }
  const missing = `${scores.length} of ${outcomes.length} gave an opinion, which decides nothing`;
  const message = `${missing}; of the others ${failed.cause}: ${failed.message}`;
  return { kind: 'failed', cause: 'too-few-votes', message };
}
