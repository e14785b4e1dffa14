/** A report as lines of a terminal. */
import type { EvalReport } from '../results/report.ts';
import { subgroupSection } from './detail-sections.ts';
import { missingFrom } from './missing.ts';
import { scoreTable } from './score-table.ts';
import { textTable } from './table.ts';

/**
 * What is missing, the scores, and on request the subgroups. Names are those of models and data sets: whoever prints the lines
 * replaces control characters.
 */
export function formatTerminal(
  report: EvalReport,
  { subgroups = false }: { readonly subgroups?: boolean } = {},
): string[] {
  const { model, judging } = report;
  const judges = judging.judges.map(({ id }) => id).join(', ');
  return [
    `${model.id}, judged by ${judges} (${judging.mode})`,
    ...missingFrom(report),
    '',
    ...textTable(scoreTable(report)),
    ...(subgroups
      ? subgroupSection(report).flatMap(({ table }) => (table ? ['', ...textTable(table)] : []))
      : []),
  ];
}
