/**
 * Several opinions as one. A majority means more than half of all judges that were asked, failed ones
 * included, so that a judge that answers now and then cannot decide alone; a tie is neither right nor
 * wrong.
 */
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
  const isMost = (count: number) => 2 * count > outcomes.length;
  const sum = scores.reduce((total, score) => total + score, 0);
  if (kind === 'report') {
    if (isMost(scores.length)) return { kind: 'scored', score: sum / scores.length };
  } else {
    if (isMost(sum)) return { kind: 'scored', score: 1 };
    if (isMost(scores.length - sum)) return { kind: 'scored', score: 0 };
  }
  if (failed === undefined) {
    const message = `${sum} of ${outcomes.length} say right, ${scores.length - sum} wrong`;
    return { kind: 'failed', cause: 'tie', message };
  }
  const missing = `${scores.length} of ${outcomes.length} gave an opinion, which decides nothing`;
  const message = `${missing}; of the others ${failed.cause}: ${failed.message}`;
  return { kind: 'failed', cause: 'too-few-votes', message };
}
