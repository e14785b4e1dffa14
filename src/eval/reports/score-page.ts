/** An evaluation's report as one self-contained HTML page. */
import { html } from 'hono/html';
import type { EvalReport, OverallReport, TaskReport } from '../results/report.ts';
import { caseCards } from './case-cards.ts';
import type { CaseImages } from './case-images.ts';
import { detailSections, subgroupSection } from './detail-sections.ts';
import { type Axis, type ChartRow, intervalChart } from './interval-chart.ts';
import { missingFrom } from './missing.ts';
import { type Html, type PageSection, renderPage } from './report-page.ts';
import { overallName, overallRemarks, scoreTable, taskName } from './score-table.ts';
import type { ShownCase } from './shown-cases.ts';
import { percentWithin } from './wording.ts';

export type Cases = {
  readonly shown: readonly ShownCase[];
  /** By sample id. */
  readonly images: ReadonlyMap<string, CaseImages>;
};

export function renderScorePage(report: EvalReport, cases: Cases): Promise<string> {
  return renderPage({
    title: `Evaluation of ${report.model.id}`,
    lead: leadOf(report),
    warnings: warningsOn(report),
    sections: [
      scoreSection(report),
      ...subgroupSection(report),
      ...detailSections(report),
      caseSection(cases),
    ],
  });
}

/** What is missing, then the result in a sentence or two. */
export function leadOf(report: EvalReport): string[] {
  const { overall, judging, tasks } = report;
  const judges = judging.judges.map(({ id }) => id).join(', ');
  const means = overall.flatMap((one) =>
    one.result.kind === 'scored'
      ? [`${overallName(one)}: ${percentWithin(one.result.score, one.result.interval)}`]
      : [],
  );
  const named = new Set(tasks.map(({ task }) => task)).size;
  return [
    ...missingFrom(report),
    means.length === 0 ? 'No task has a score.' : `Score: ${means.join('; ')}.`,
    `${named} ${named === 1 ? 'task' : 'tasks'}, judged by ${judges} (${judging.mode}). Brackets hold 95 % intervals.`,
  ];
}

/** What keeps the figures from being compared with others. */
export function warningsOn({ overall, judging }: EvalReport): string[] {
  const uncertified = judging.judges.filter(({ certificate }) => certificate === null);
  return [
    ...overall.flatMap((one) =>
      overallRemarks(one).map((remark) => `The ${overallName(one)} is ${remark}.`),
    ),
    ...(uncertified.length > 0
      ? [
          `No certificate says how often these judges err: ${uncertified.map(({ id }) => id).join(', ')}.`,
        ]
      : []),
  ];
}

const axis: Axis = {
  low: 0,
  high: 1,
  ticks: [0, 0.2, 0.4, 0.6, 0.8, 1],
  tickText: (value) => `${Math.round(100 * value)} %`,
};

function scoreSection(report: EvalReport): PageSection {
  const shown = report.overall.find(({ variant }) => variant === 'original') ?? report.overall[0];
  const tasks = report.tasks.filter(({ variant }) => variant === shown?.variant);
  const rows = [...tasks.map(taskRow), ...(shown ? [overallRow(shown)] : [])];
  const hasSecond = rows.some(({ second }) => second !== undefined);
  return {
    id: 'scores',
    title: 'Scores',
    text: [],
    body: html`${hasSecond ? chartKey() : ''}${intervalChart('Score of each task with its 95 % interval', rows, axis)}`,
    table: scoreTable(report),
  };
}

function chartKey(): Html {
  return html`<p class="quiet"><span class="key figure"></span>as judged<span class="key second"></span>corrected for the judge’s errors</p>`;
}

function taskRow(report: TaskReport): ChartRow {
  const { result, coverage } = report;
  const label = taskName(report);
  if (result.kind !== 'scored') {
    const text = result.kind === 'failed' ? 'no score' : 'does not apply';
    return { label, figure: null, text };
  }
  const { figure, corrected } = result;
  return {
    label,
    figure: { value: figure.score, interval: figure.interval },
    ...secondOf(corrected),
    text: percentWithin(figure.score, figure.interval),
    ...(coverage.isComplete ? {} : { emphasis: 'doubtful' }),
  };
}

function overallRow(overall: OverallReport): ChartRow {
  const { result } = overall;
  const label = overallName(overall);
  if (result.kind === 'failed') return { label, figure: null, text: 'no score' };
  return {
    label,
    figure: { value: result.score, interval: result.interval },
    ...secondOf(result.corrected),
    text: percentWithin(result.score, result.interval),
    emphasis: 'summary',
  };
}

function secondOf(
  corrected: (OverallReport['result'] & { kind: 'scored' })['corrected'],
): Pick<ChartRow, 'second'> {
  if (corrected.kind === 'uncorrected') return {};
  return { second: { value: corrected.score, interval: corrected.interval } };
}

function caseSection({ shown, images }: Cases): PageSection {
  return {
    id: 'disagreements',
    title: 'Disagreements',
    text:
      shown.length === 0
        ? ['No contradictions were found.']
        : [
            'Answers on which rule and judge, votes, judgings or epochs contradict each other; the strongest contradictions of each task come first.',
          ],
    body: caseCards(shown, images),
  };
}
