/** The main table of a report: one row for each task and variant, then the means over tasks. */
import type { Corrected, EvalReport, OverallReport, TaskReport } from '../results/report.ts';
import { columnsOf, type Table } from './table.ts';
import { count, meanOver, percent, percentWithin, totalOf } from './wording.ts';

export function scoreTable({ tasks, overall }: EvalReport): Table {
  return {
    columns: columnsOf(
      'task',
      '>n',
      '>coverage',
      '>score [95 %]',
      '>corrected [95 %]',
      '>by rule [95 %]',
      'remarks',
    ),
    rows: [...tasks.map(taskRow), ...overall.map(overallRow)],
  };
}

/** The variant is named unless it is the original question. */
export function taskName({ task, variant }: Pick<TaskReport, 'task' | 'variant'>): string {
  return variant === 'original' ? task : `${task} · ${variant}`;
}

export function overallName({ parts, variant }: OverallReport): string {
  const name = meanOver(parts.length);
  return variant === 'original' ? name : `${name} · ${variant}`;
}

/** What to know before the score is believed. */
function remarksOn({ coverage, truncated, rejected, result }: TaskReport): string[] {
  const rule = result.kind === 'scored' ? result.rule : null;
  const differing = rule ? rule.onlyJudgeRight + rule.onlyRuleRight : 0;
  const cutOff = truncated / Math.max(1, coverage.answered);
  return [
    ...(coverage.isComplete || result.kind === 'not-applicable' ? [] : ['incomplete']),
    ...(truncated > 0 ? [`${percent(cutOff)} cut off`] : []),
    ...(rule && differing > 0
      ? [`rule and judge differ on ${count(differing)} of ${count(rule.compared)}`]
      : []),
    ...(totalOf(rejected) > 0 ? [`${count(totalOf(rejected))} rows rejected`] : []),
  ];
}

/** Samples that the variant applies to. */
export function samplesOf({ kinds, notApplicable }: TaskReport): number {
  return totalOf(kinds) - notApplicable;
}

function coverageText({ scored, expected }: TaskReport['coverage']): string {
  return expected === 0 ? '–' : percent(scored / expected);
}

/**
 * What keeps the mean from being compared with others: tasks that are missing, and tasks with too few
 * answers.
 */
export function overallRemarks({ missing, incomplete }: OverallReport): string[] {
  const partial = incomplete.filter((task) => !missing.includes(task));
  return [
    ...(missing.length > 0 ? [`without ${missing.join(', ')}`] : []),
    ...(partial.length > 0 ? [`incomplete: ${partial.join(', ')}`] : []),
  ];
}

function taskRow(report: TaskReport): string[] {
  const { coverage, result } = report;
  const start = [taskName(report), count(samplesOf(report)), coverageText(coverage)];
  const remarks = remarksOn(report);
  switch (result.kind) {
    case 'scored': {
      const { figure, corrected, rule } = result;
      const byRule = rule?.figure ? percentWithin(rule.figure.score, rule.figure.interval) : '–';
      const score = percentWithin(figure.score, figure.interval);
      return [...start, score, correctedText(corrected), byRule, remarks.join('; ')];
    }
    case 'not-applicable':
      return [...start, '–', '–', '–', 'does not apply'];
    case 'failed':
      return [...start, 'none', '–', '–', [result.message, ...remarks].join('; ')];
  }
}

function overallRow(overall: OverallReport): string[] {
  const { result } = overall;
  const remarks = overallRemarks(overall);
  const start = [overallName(overall), '', ''];
  if (result.kind === 'failed') {
    return [...start, 'none', '–', '', [result.message, ...remarks].join('; ')];
  }
  const score = percentWithin(result.score, result.interval);
  return [...start, score, correctedText(result.corrected), '', remarks.join('; ')];
}

function correctedText(corrected: Corrected): string {
  return corrected.kind === 'corrected' ? percentWithin(corrected.score, corrected.interval) : '–';
}
