/** A comparison of models as sections: one table for each candidate. */
import type { EvalComparison, TaskComparison } from '../results/comparison.ts';
import { columnsOf, type Section, type Table } from './table.ts';
import { count, meanOver, percent, points, pointsWithin, pValue } from './wording.ts';

export type ComparedCandidate = EvalComparison['candidates'][number];

export function comparisonTitle({ baseline, candidates }: EvalComparison): string {
  return `${candidates.map(nameOf).join(', ')} against ${nameOf(baseline)}`;
}

/** What the figures rest on. */
export function comparisonLead({ judging }: EvalComparison): string[] {
  return [
    `Paired by question, judged by ${judging.judges.join(', ')} (${judging.mode}). Differences are percentage points, candidate minus baseline; brackets hold 95 % intervals.`,
  ];
}

export function comparisonWarnings({ leftOut, differences }: EvalComparison): string[] {
  return [
    ...differences,
    ...(leftOut.length > 0
      ? [`Left out because not every folder has these tasks: ${leftOut.join(', ')}`]
      : []),
  ];
}

export function candidateSection(candidate: ComparedCandidate, place: number): Section {
  return {
    id: `candidate-${place + 1}`,
    title: nameOf(candidate),
    text: verdictOn(candidate),
    table: differenceTable(candidate),
  };
}

/** How to read the tables. */
export function comparisonNotes({ draws, seed }: EvalComparison): string[] {
  return [
    'Tests: exact McNemar test where answers are right or wrong and every cluster has a single answer; otherwise a sign-flip test, which gives random signs to the gains of whole clusters. P-values are adjusted over all tasks and candidates (Holm 1979).',
    `“Would find” is the smallest difference that a test at the 5 % level finds with 80 % power: a smaller difference may exist without being found. Intervals: ${count(draws)} draws of whole clusters, seed ${seed}.`,
  ];
}

/** Models of one name are told apart by their folders. */
function nameOf({ id, folder }: { readonly id: string; readonly folder: string }): string {
  return `${id} (${folder})`;
}

/** In words, since a p-value above 5 % is often read as "equal". */
function verdictOn({ overall }: ComparedCandidate): string[] {
  if (overall === null) return ['Nothing can be compared.'];
  const { difference, interval, adjustedPValue, detectable, tasks } = overall;
  const mean = `The ${meanOver(tasks.length)}: ${pointsWithin(difference, interval)} points, p = ${pValue(adjustedPValue)}`;
  if (adjustedPValue <= 0.05) return [`${mean}: ${difference > 0 ? 'better' : 'worse'}.`];
  const limit =
    detectable === null
      ? ''
      : ` A difference of ${points(detectable)} points would probably have been found.`;
  return [`${mean}: no difference is shown.${limit}`];
}

function differenceTable({ tasks, overall }: ComparedCandidate): Table {
  return {
    columns: columnsOf(
      'task',
      '>n',
      '>of shared',
      '>baseline',
      '>candidate',
      '>difference [95 %]',
      '>only baseline right',
      '>only candidate right',
      '>p',
      '>adjusted p',
      '>would find',
      'test',
    ),
    rows: [
      ...tasks.map(taskRow),
      ...(overall
        ? [
            [
              meanOver(overall.tasks.length),
              '',
              '',
              percent(overall.baseline),
              percent(overall.candidate),
              pointsWithin(overall.difference, overall.interval),
              '',
              '',
              pValue(overall.pValue),
              pValue(overall.adjustedPValue),
              overall.detectable === null ? '–' : points(overall.detectable),
              'sign-flip',
            ],
          ]
        : []),
    ],
  };
}

function taskRow({ task, samples, result }: TaskComparison): string[] {
  const { shared, compared } = samples;
  const share = shared === 0 ? '–' : percent(compared / shared);
  const start = [task, count(compared), share];
  if (result.kind === 'failed') {
    return [...start, ...Array.from({ length: 8 }, () => '–'), result.message];
  }
  return [
    ...start,
    percent(result.baseline),
    percent(result.candidate),
    pointsWithin(result.difference, result.interval),
    result.onlyRight ? count(result.onlyRight.baseline) : '–',
    result.onlyRight ? count(result.onlyRight.candidate) : '–',
    pValue(result.pValue),
    pValue(result.adjustedPValue),
    result.detectable === null ? '–' : points(result.detectable),
    result.test,
  ];
}
