/** What a report lacks and why: said before any figure, since the figures rest on the rest. */
import type { EvalReport, TaskReport } from '../results/report.ts';
import { taskName } from './score-table.ts';
import { causes, count, percent, totalOf } from './wording.ts';

/** Sentences; none where every expected answer has a score and every row could be asked. */
export function missingFrom({ tasks }: Pick<EvalReport, 'tasks'>): string[] {
  const sum = (of: (task: TaskReport) => number) =>
    tasks.reduce((total, task) => total + of(task), 0);
  const expected = sum(({ coverage }) => coverage.expected);
  const missing = expected - sum(({ coverage }) => coverage.scored);
  const rejected = sum((task) => totalOf(task.rejected));
  return [
    ...(missing > 0
      ? [
          `Incomplete, without a score: ${count(missing)} of ${count(expected)} expected answers (${percent(missing / expected)}); the figures rest on the others.`,
        ]
      : []),
    ...(rejected > 0
      ? [
          `Incomplete, could not be asked: ${count(rejected)} ${rejected === 1 ? 'row' : 'rows'} of the tasks.`,
        ]
      : []),
    ...tasks.flatMap(missingFromTask),
  ];
}

function missingFromTask(task: TaskReport): string[] {
  const parts = [
    ['without an answer', task.failures.answering],
    ['answered but without a score', task.failures.judging],
    ['not asked at all', task.rejected],
  ] as const;
  const found = parts.filter(([, counts]) => totalOf(counts) > 0);
  if (found.length === 0) return [];
  const texts = found.map(
    ([what, counts]) => `${count(totalOf(counts))} ${what} (${causes(counts)})`,
  );
  return [`In ${taskName(task)}: ${texts.join('; ')}.`];
}
