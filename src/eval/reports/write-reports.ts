/** Writes an evaluation's report into its results folder: for people, for pages, for other programs. */
import { join } from 'node:path';
import { MedixError, type Problem } from '../../core/errors.ts';
import { storing, writeFileDurably } from '../../run/durable.ts';
import { readEvalManifest, readEvalReport, resultsFile } from '../results/layout.ts';
import type { EvalReport } from '../results/report.ts';
import { type CaseImages, type OpenTask, readCaseImages } from './case-images.ts';
import { csvReport } from './csv.ts';
import { detailSections, subgroupSection } from './detail-sections.ts';
import { findDisagreements } from './disagreements.ts';
import { type Cases, leadOf, renderScorePage, warningsOn } from './score-page.ts';
import { scoreTable } from './score-table.ts';
import { readCases, type ShownCase } from './shown-cases.ts';
import { markdownReport } from './table.ts';

export type WriteReportsOptions = {
  /** Where images of shown questions are read from again. */
  readonly openTask: OpenTask;
  readonly signal: AbortSignal;
};

/** Disagreements on the page: as many as somebody reads. */
const mostCases = 12;

/**
 * Writes `report.json`, `report.md`, `report.csv` and `report.html`, each whole or not at all, over those
 * that are there. The page shows answers of public tasks only.
 *
 * @returns their paths, `report.html` last
 * @throws MedixError 'run' where the folder holds no evaluation, there is no room or permission, or the
 *   earlier report has a score where this one has none; that report is then kept
 */
export async function writeReports(
  folder: string,
  report: EvalReport,
  options: WriteReportsOptions,
): Promise<string[]> {
  await requireNoLoss(folder, report);
  const cases = await readShownCases(folder, report, options);
  const texts: readonly (readonly [name: string, text: string])[] = [
    ['report.json', `${JSON.stringify(report, null, 2)}\n`],
    ['report.md', markdownOf(report)],
    ['report.csv', csvReport(report)],
    ['report.html', await renderScorePage(report, cases)],
  ];
  const paths: string[] = [];
  for (const [name, text] of texts) {
    const path = join(folder, name);
    const next = 'make room or grant access, then score again';
    await storing(path, () => writeFileDurably(path, text), next);
    paths.push(path);
  }
  return paths;
}

async function requireNoLoss(folder: string, { tasks }: EvalReport): Promise<void> {
  // A report that is not there, or that cannot be read, is none to keep.
  const before = await readEvalReport(folder).catch(() => undefined);
  const scored = (before?.tasks ?? []).filter(({ result }) => result.kind === 'scored');
  const problems = tasks.flatMap(({ task, variant, result }): Problem[] => {
    const hadScore = scored.some((one) => one.task === task && one.variant === variant);
    if (result.kind !== 'failed' || !hadScore) return [];
    return [
      {
        where: `${resultsFile.report(folder)}: task ${task} (${variant})`,
        expected: 'a score, as the earlier report has one',
        got: result.message,
        next: 'generate and judge what is missing, then score again; the earlier report is kept',
      },
    ];
  });
  if (problems.length > 0) throw new MedixError('run', problems);
}

function markdownOf(report: EvalReport): string {
  const scores = {
    id: 'scores',
    title: 'Scores',
    text: [...leadOf(report), ...warningsOn(report)],
    table: scoreTable(report),
  };
  const sections = [scores, ...subgroupSection(report), ...detailSections(report)];
  return markdownReport(`Evaluation of ${report.model.id}`, sections);
}

async function readShownCases(
  folder: string,
  report: EvalReport,
  { openTask, signal }: WriteReportsOptions,
): Promise<Cases> {
  const { tasks } = await readEvalManifest(folder);
  const found = await findDisagreements({
    folder,
    judgingName: report.judging.name,
    tasks: [...new Set(report.tasks.map(({ task }) => task))],
    variants: report.overall.map(({ variant }) => variant),
    most: mostCases,
  });
  const shown = await readCases(folder, tasks, found);
  return { shown, images: await readImages(shown, openTask, signal) };
}

async function readImages(
  shown: readonly ShownCase[],
  openTask: OpenTask,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, CaseImages>> {
  const withImages = shown.filter(({ content }) => content.kind === 'shown' && content.images > 0);
  const images = new Map<string, CaseImages>();
  for (const task of new Set(withImages.map((one) => one.taskId))) {
    const ids = new Set(withImages.flatMap((one) => (one.taskId === task ? [one.sampleId] : [])));
    for (const [id, found] of await readCaseImages(task, ids, openTask, signal)) {
      images.set(id, found);
    }
  }
  return images;
}
