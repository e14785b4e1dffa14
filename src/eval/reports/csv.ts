/** A report as a table for other programs: one row a task, variant and subgroup. */
import type { Interval } from '../../statistics/quantile.ts';
import type { Corrected, EvalReport, Figure, TaskReport } from '../results/report.ts';
import { samplesOf } from './score-table.ts';

const columns = [
  'task',
  'variant',
  'dimension',
  'value',
  'samples',
  'expected',
  'answered',
  'scored',
  'complete',
  'answers',
  'clusters',
  'score',
  'score_low',
  'score_high',
  'method',
  'corrected',
  'corrected_low',
  'corrected_high',
  'rule',
  'rule_low',
  'rule_high',
  'truncated',
  'problem',
] as const;
type Cells = Partial<Record<(typeof columns)[number], string | number>>;

/**
 * Scores are shares in [0, 1] in full precision; a cell without a value is empty. The whole task is the row
 * with the empty dimension; means over tasks follow with the task `overall`.
 */
export function csvReport({ tasks, overall }: EvalReport): string {
  const rows: Cells[] = [
    ...tasks.flatMap(taskRows),
    ...overall.map(({ variant, missing, result }): Cells => {
      const problem = missing.length > 0 ? { problem: `without ${missing.join(', ')}` } : {};
      const start = { task: 'overall', variant, ...problem };
      if (result.kind === 'failed') return { ...start, problem: result.message };
      const score = withBounds('score', result.score, result.interval);
      return { ...start, ...score, ...correctedCells(result.corrected) };
    }),
  ];
  const lines = rows.map((row) => columns.map((column) => cell(row[column] ?? '')).join(','));
  return `${[columns.join(','), ...lines].join('\r\n')}\r\n`;
}

function taskRows(report: TaskReport): Cells[] {
  const { task, variant, coverage, truncated, result } = report;
  const whole: Cells = {
    task,
    variant,
    samples: samplesOf(report),
    expected: coverage.expected,
    answered: coverage.answered,
    scored: coverage.scored,
    complete: String(coverage.isComplete),
    truncated,
  };
  if (result.kind === 'not-applicable') return [{ ...whole, problem: 'does not apply' }];
  if (result.kind === 'failed') return [{ ...whole, problem: result.message }];
  const rule = result.rule?.figure;
  return [
    {
      ...whole,
      ...figureCells(result.figure),
      ...correctedCells(result.corrected),
      ...(rule ? withBounds('rule', rule.score, rule.interval) : {}),
    },
    ...result.subgroups.map(
      ({ dimension, value, figure }): Cells => ({
        task,
        variant,
        dimension,
        value,
        ...figureCells(figure),
      }),
    ),
  ];
}

function figureCells({ score, interval, method, answers, clusters }: Figure): Cells {
  return { answers, clusters, method, ...withBounds('score', score, interval) };
}

function correctedCells(corrected: Corrected): Cells {
  if (corrected.kind === 'uncorrected') return {};
  return withBounds('corrected', corrected.score, corrected.interval);
}

function withBounds(
  name: 'score' | 'corrected' | 'rule',
  value: number,
  interval: Interval | null,
): Cells {
  const bounds = interval ? { [`${name}_low`]: interval.low, [`${name}_high`]: interval.high } : {};
  return { [name]: value, ...bounds };
}

/** RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front. */
function cell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
