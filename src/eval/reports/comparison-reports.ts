/** A comparison of models for a terminal, and as files. */

import { join } from 'node:path';
import { makeFolder } from '../../core/make-folder.ts';
import { storing, writeFileDurably } from '../../run/durable.ts';
import type { EvalComparison } from '../results/comparison.ts';
import {
  type ComparedCandidate,
  candidateSection,
  comparisonLead,
  comparisonNotes,
  comparisonTitle,
  comparisonWarnings,
} from './comparison-sections.ts';
import { type Axis, type ChartRow, intervalChart } from './interval-chart.ts';
import { type PageSection, renderPage } from './report-page.ts';
import { markdownReport, textTable } from './table.ts';
import { meanOver, pointsWithin, signed } from './wording.ts';

/** Whoever prints the lines replaces control characters: names are those of models and data sets. */
export function formatComparison(comparison: EvalComparison): string[] {
  return [
    comparisonTitle(comparison),
    ...comparisonLead(comparison),
    ...comparisonWarnings(comparison).map((warning) => `warning: ${warning}`),
    ...comparison.candidates.flatMap((candidate, place) => {
      const { title, text, table } = candidateSection(candidate, place);
      return ['', title, ...(table ? textTable(table) : []), ...text];
    }),
    '',
    ...comparisonNotes(comparison),
  ];
}

/**
 * Writes `comparison.json`, `comparison.md` and `comparison.html` into a folder, over those that are there.
 *
 * @returns their paths, `comparison.html` last
 * @throws MedixError 'run' where there is no room or no permission
 */
export async function writeComparison(
  folder: string,
  comparison: EvalComparison,
): Promise<string[]> {
  const texts: readonly (readonly [name: string, text: string])[] = [
    ['comparison.json', `${JSON.stringify(comparison, null, 2)}\n`],
    ['comparison.md', comparisonMarkdown(comparison)],
    ['comparison.html', await renderComparisonPage(comparison)],
  ];
  const next = 'correct the path, make room or grant access';
  await storing(folder, () => makeFolder(folder), next);
  const paths: string[] = [];
  for (const [name, text] of texts) {
    const path = join(folder, name);
    await storing(path, () => writeFileDurably(path, text), next);
    paths.push(path);
  }
  return paths;
}

function comparisonMarkdown(comparison: EvalComparison): string {
  const text = [...comparisonLead(comparison), ...comparisonWarnings(comparison)];
  return markdownReport(comparisonTitle(comparison), [
    { id: 'about', title: 'What is compared', text },
    ...comparison.candidates.map(candidateSection),
    notesSection(comparison),
  ]);
}

/** One page that stands alone. */
export function renderComparisonPage(comparison: EvalComparison): Promise<string> {
  return renderPage({
    title: comparisonTitle(comparison),
    lead: comparisonLead(comparison),
    warnings: comparisonWarnings(comparison),
    sections: [
      ...comparison.candidates.map(
        (candidate, place): PageSection => ({
          ...candidateSection(candidate, place),
          body: differenceChart(candidate),
        }),
      ),
      notesSection(comparison),
    ],
  });
}

function notesSection(comparison: EvalComparison): PageSection {
  return { id: 'method', title: 'How to read it', text: comparisonNotes(comparison) };
}

function differenceChart(candidate: ComparedCandidate) {
  const rows = chartRows(candidate);
  const ends = rows.flatMap(({ figure }) =>
    figure ? [figure.value, figure.interval?.low ?? 0, figure.interval?.high ?? 0] : [],
  );
  return intervalChart(
    'Difference in score on each task with its 95 % interval',
    rows,
    axisFor(Math.max(0.05, ...ends.map(Math.abs))),
  );
}

function chartRows({ tasks, overall }: ComparedCandidate): ChartRow[] {
  return [
    ...tasks.map(({ task, result }): ChartRow => {
      if (result.kind === 'failed') return { label: task, figure: null, text: 'not compared' };
      const { difference, interval } = result;
      return {
        label: task,
        figure: { value: difference, interval },
        text: pointsWithin(difference, interval),
      };
    }),
    ...(overall
      ? [
          {
            label: meanOver(overall.tasks.length),
            figure: { value: overall.difference, interval: overall.interval },
            text: pointsWithin(overall.difference, overall.interval),
            emphasis: 'summary' as const,
          },
        ]
      : []),
  ];
}

/** Symmetric around no difference, ending at a whole step. */
function axisFor(most: number): Axis {
  const step = [0.05, 0.1, 0.2, 0.5].find((size) => most <= 3 * size) ?? 0.5;
  const steps = Math.ceil(most / step);
  return {
    low: -steps * step,
    high: steps * step,
    ticks: Array.from({ length: 2 * steps + 1 }, (_, place) => (place - steps) * step),
    tickText: signed,
    origin: 0,
  };
}
