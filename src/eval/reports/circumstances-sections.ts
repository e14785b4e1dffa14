/** How a report was made: what it cost, and with which model, judges and settings. */
import type { UseSummary } from '../../core/usage.ts';
import type { EvalReport, TaskReport } from '../results/report.ts';
import { columnsOf, type Section } from './table.ts';
import { count, duration, money } from './wording.ts';

export function costSection({ circumstances, tasks }: EvalReport): Section {
  const { modelUsage, judgeUsage, medianLatencyMs } = circumstances;
  const rows = [modelUsage, judgeUsage].flatMap((usage) =>
    Object.entries(usage).map(([use, sums]) => usageRow(use, sums)),
  );
  return {
    id: 'cost',
    title: 'Cost',
    text: [
      ...(rows.length === 0 ? ['No server was asked.'] : []),
      ...(medianLatencyMs === null
        ? []
        : [`Median time of an answer: ${duration(medianLatencyMs / 1000)}.`]),
      ...tokenText(tasks),
    ],
    ...(rows.length === 0
      ? {}
      : {
          table: {
            columns: columnsOf(
              'use',
              '>requests',
              '>failed',
              '>input tokens',
              '>output tokens',
              '>answers without a count',
              '>money',
              '>reused answers',
              '>tokens saved',
            ),
            rows,
          },
        }),
  };
}

function usageRow(use: string, sums: UseSummary): string[] {
  const { requests, failed, inputTokens, outputTokens, unmetered, reused, tokensSaved } = sums;
  return [
    use,
    ...[requests, failed, inputTokens, outputTokens, unmetered].map(count),
    money(sums.money),
    ...[reused, tokensSaved].map(count),
  ];
}

/** Tokens of the answers that count; the ledger also has those that failed or were asked again. */
function tokenText(tasks: readonly TaskReport[]): string[] {
  const known = tasks.flatMap(({ tokens }) => tokens ?? []);
  if (known.length === 0) return [];
  const sum = (of: (one: (typeof known)[number]) => number) =>
    count(known.reduce((total, one) => total + of(one), 0));
  const prompt = sum((one) => one.prompt);
  const completion = sum((one) => one.completion);
  return [
    `${sum((one) => one.answers)} answers took ${prompt} prompt and ${completion} completion tokens.`,
  ];
}

export function methodSection(report: EvalReport): Section {
  const { model, template, sampling, judging, statistics, versions, circumstances } = report;
  const { evaluatedAt, judgedAt, scoredAt } = circumstances;
  const short = (digest: string) => digest.slice(0, 12);
  const judges = judging.judges.map(({ id, kind, digest, certificate }) => {
    const certified = certificate
      ? `sensitivity ${certificate.sensitivity.toFixed(3)}, specificity ${certificate.specificity.toFixed(3)} by its certificate`
      : 'no certificate';
    return ['judge', `${id} (${kind}, ${short(digest)}); ${certified}`];
  });
  const few =
    statistics.fewClusters === 'widened'
      ? 'widened to Student’s t where there are fewer than 50'
      : 'too narrow where there are fewer than 50';
  const settings = Object.entries(sampling).map(([name, value]) => `${name} ${String(value)}`);
  return {
    id: 'method',
    title: 'How it was made',
    text: [
      `Intervals are 95 % intervals: Wilson intervals where every cluster has a single answer that is right or wrong, otherwise a bootstrap of whole clusters, ${few}. The mean over tasks gives each task the same weight. Corrected scores remove the judge’s own errors (Rogan and Gladen 1978).`,
    ],
    table: {
      columns: columnsOf('fact', 'value'),
      rows: [
        ['model', `${model.id} (${model.kind}, ${short(model.digest)})`],
        ['prompt template', `${template.name} (${short(template.digest)})`],
        ['sampling', settings.join(', ')],
        ['judging', `${judging.name}: ${judging.mode}, votes of each judge: ${judging.votes}`],
        ...judges,
        [
          'statistics',
          `${count(statistics.draws)} draws, seed ${statistics.seed}, MMLU as ${statistics.mmluAsOne ? 'one task' : 'its subsets'}`,
        ],
        [
          'versions',
          Object.entries(versions)
            .map((pair) => pair.join(' '))
            .join(', ') || '–',
        ],
        ['begun, judged, scored', [evaluatedAt, judgedAt, scoredAt].join(', ')],
      ],
    },
  };
}
