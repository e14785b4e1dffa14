/** What the first answers and verdicts of an evaluation have taken, for a forecast of the rest. */
import type { Clock } from '../../core/async/clock.ts';
import type { LedgerSummary } from '../../core/usage.ts';
import type { Judging } from '../judging/judging.ts';
import type { JoinedAnswer } from '../results/joined-answers.ts';
import type { PilotItem } from './forecast.ts';

/**
 * The answers so far as a pilot; requests that were repeated or failed are spread over them.
 * @param requests for all of them together; 0 for a model that is not behind a server
 * @param batchMs for a model that answers in batches: what one answer took on average, null where nobody
 *   knows. Left out for servers, whose answers have a time of their own
 */
export function pilotOfAnswers(
  answers: readonly JoinedAnswer[],
  requests: number,
  batchMs?: number | null,
): PilotItem[] {
  const answered = answers.flatMap(({ taskId, answer }) =>
    answer?.kind === 'answered' ? [{ taskId, answer }] : [],
  );
  return answered.map(({ taskId, answer }) => ({
    taskId,
    calls: requests / answered.length,
    tokens: answer.tokens
      ? { input: answer.tokens.prompt, output: answer.tokens.completion }
      : null,
    ms: batchMs === undefined ? answer.latencyMs : batchMs,
  }));
}

export type MeasuredJudging = {
  /** Must be asked for one verdict at a time, so that everything used meanwhile belongs to that verdict. */
  readonly judging: Judging;
  /** By use of the judging's ledger, e.g. `judge`. */
  readonly taken: ReadonlyMap<string, readonly PilotItem[]>;
};

export function measureJudging(judging: Judging, clock: Clock): MeasuredJudging {
  const taken = new Map<string, PilotItem[]>();
  const judge: Judging['judge'] = async (item, signal) => {
    const before = judging.usage();
    const startedAt = clock.now();
    const verdict = await judging.judge(item, signal);
    const ms = clock.now() - startedAt;
    // Ids begin with the task's, which has no hyphen.
    const [taskId = ''] = item.sample.id.split('-', 1);
    for (const [use, sums] of Object.entries(judging.usage())) {
      const items = taken.get(use) ?? [];
      taken.set(use, [...items, { taskId, ms, ...usedSince(before[use], sums) }]);
    }
    return verdict;
  };
  return { judging: { ...judging, judge }, taken };
}

/** Expected answers and verdicts that are not there yet, by task. */
export function remainingOf(answers: readonly JoinedAnswer[]): {
  readonly answers: Readonly<Record<string, number>>;
  readonly verdicts: Readonly<Record<string, number>>;
} {
  const left: Record<'answers' | 'verdicts', Record<string, number>> = {
    answers: {},
    verdicts: {},
  };
  for (const { taskId, answer, verdict } of answers) {
    if (answer?.kind !== 'answered') left.answers[taskId] = (left.answers[taskId] ?? 0) + 1;
    if (verdict?.outcome.kind !== 'scored')
      left.verdicts[taskId] = (left.verdicts[taskId] ?? 0) + 1;
  }
  return left;
}

function usedSince(
  before: LedgerSummary[string] | undefined,
  { requests, inputTokens, outputTokens, unmetered }: LedgerSummary[string],
): Pick<PilotItem, 'calls' | 'tokens'> {
  const input = inputTokens - (before?.inputTokens ?? 0);
  const output = outputTokens - (before?.outputTokens ?? 0);
  return {
    calls: requests - (before?.requests ?? 0),
    tokens: unmetered > (before?.unmetered ?? 0) ? null : { input, output },
  };
}
