/** Everything of a report beside its main table, as sections; a section without content is left out. */
import type { EvalReport, TaskReport, TaskScores } from '../results/report.ts';
import { costSection, methodSection } from './circumstances-sections.ts';
import { dependenceSections } from './dependence-sections.ts';
import { taskName } from './score-table.ts';
import { columnsOf, type Section } from './table.ts';
import { causes, count, decimalWithin, percent, percentWithin } from './wording.ts';

type ScoredReport = TaskReport & { readonly result: TaskScores };

/** Scores by kind and by the dimensions of the tasks. */
export function subgroupSection(report: EvalReport): Section[] {
  const rows = scoredTasks(report).flatMap((task) =>
    task.result.subgroups.map(({ dimension, value, figure }) => [
      taskName(task),
      dimension,
      value,
      count(figure.answers),
      count(figure.clusters),
      percentWithin(figure.score, figure.interval),
    ]),
  );
  if (rows.length === 0) return [];
  const columns = columnsOf('task', 'dimension', 'value', '>answers', '>clusters', '>score [95 %]');
  return [{ id: 'subgroups', title: 'Subgroups', text: [], table: { columns, rows } }];
}

/** All sections but the main table and the subgroups. */
export function detailSections(report: EvalReport): Section[] {
  return [
    ...dependenceSections(report),
    ...ruleSection(report),
    ...epochSection(report),
    ...metricSection(report),
    ...agreementSection(report),
    coverageSection(report),
    costSection(report),
    methodSection(report),
  ];
}

function ruleSection(report: EvalReport): Section[] {
  const rows = scoredTasks(report).flatMap((task) => {
    const { rule } = task.result;
    if (rule === null) return [];
    const { figure, unreadable, compared, onlyJudgeRight, onlyRuleRight } = rule;
    return [
      [
        taskName(task),
        figure ? percentWithin(figure.score, figure.interval) : '–',
        count(unreadable),
        count(compared),
        count(onlyJudgeRight),
        count(onlyRuleRight),
      ],
    ];
  });
  if (rows.length === 0) return [];
  return [
    {
      id: 'rule',
      title: 'Multiple choice by rule',
      text: [
        'A rule reads which option an answer chooses. Where rule and judge differ, one of them is wrong.',
      ],
      table: {
        columns: columnsOf(
          'task',
          '>by rule [95 %]',
          '>no option found',
          '>compared',
          '>right by judge only',
          '>right by rule only',
        ),
        rows,
      },
    },
  ];
}

function epochSection(report: EvalReport): Section[] {
  const rows = scoredTasks(report).flatMap((task) => {
    const { epochs } = task.result;
    if (epochs === null) return [];
    const { scores, standardDeviation } = epochs;
    const shown = scores.map((score) => (score === null ? '–' : percent(score)));
    const spread = standardDeviation === null ? '–' : percent(standardDeviation);
    return [[taskName(task), shown.join('   '), spread]];
  });
  if (rows.length === 0) return [];
  return [
    {
      id: 'epochs',
      title: 'Repeated answers',
      text: ['Score of each epoch, in which the same questions were answered again.'],
      table: { columns: columnsOf('task', 'score by epoch', '>standard deviation'), rows },
    },
  ];
}

function metricSection(report: EvalReport): Section[] {
  const rows = scoredTasks(report).flatMap((task) =>
    task.result.metrics.map(({ name, mean, interval, answers, failed }) => [
      taskName(task),
      name,
      count(answers),
      mean === null ? '–' : decimalWithin(mean, interval),
      count(failed),
    ]),
  );
  if (rows.length === 0) return [];
  return [
    {
      id: 'metrics',
      title: 'External metrics of reports',
      text: [],
      table: { columns: columnsOf('task', 'metric', '>answers', '>mean [95 %]', '>failed'), rows },
    },
  ];
}

function agreementSection({ agreement }: EvalReport): Section[] {
  if (agreement.length === 0) return [];
  const rows = agreement.flatMap(({ scale, pairs }) =>
    pairs.map(({ one, other, answers, agreement: share, kappa }) => [
      scale,
      `${one}, ${other}`,
      count(answers),
      percent(share),
      kappa === null ? '–' : decimalWithin(kappa.value, kappa.interval),
    ]),
  );
  const text = agreement.map(({ scale, judgings, answers, alpha }) => {
    const value = alpha === null ? 'not defined' : decimalWithin(alpha.value, alpha.interval);
    return `Krippendorff's alpha of ${judgings.length} judgings, ${scale}: ${value} over ${count(answers)} answers.`;
  });
  const columns = columnsOf('scale', 'judgings', '>answers', '>same score', '>kappa [95 %]');
  return [{ id: 'agreement', title: 'Agreement between judgings', text, table: { columns, rows } }];
}

function coverageSection({ tasks, statistics }: EvalReport): Section {
  return {
    id: 'coverage',
    title: 'Coverage and failures',
    text: [
      `A failure is never counted as a wrong answer; a score that rests on less than ${percent(statistics.minimumCoverage)} of its answers is marked incomplete.`,
    ],
    table: {
      columns: columnsOf(
        'task',
        '>expected',
        '>answered',
        '>scored',
        '>cut off',
        'no answer',
        'no score',
        'rows rejected',
      ),
      rows: tasks.map((task) => [
        taskName(task),
        count(task.coverage.expected),
        count(task.coverage.answered),
        count(task.coverage.scored),
        count(task.truncated),
        causes(task.failures.answering),
        causes(task.failures.judging),
        causes(task.rejected),
      ]),
    },
  };
}

function scoredTasks({ tasks }: EvalReport): ScoredReport[] {
  return tasks.flatMap((task) =>
    task.result.kind === 'scored' ? [{ ...task, result: task.result }] : [],
  );
}
