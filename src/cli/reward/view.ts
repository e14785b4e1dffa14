/** The results of scoring, as lines for people. */
import type { LedgerSummary, UseSummary } from '../../core/usage.ts';
import type { ScoreFileReport } from '../../reward/offline/score-file.ts';
import type { OpenedReward } from '../../reward/open-reward.ts';
import type { ReplaySummary } from './replay-comparison.ts';

/** Whose scores these are. */
export function describeScorers({ facts }: Pick<OpenedReward, 'facts'>): string {
  const { profile, judge, embedder } = facts;
  return `profile ${profile.name}, judge ${judge.id}, embedder ${embedder.id}`;
}

export function scoreReport(report: ScoreFileReport): string[] {
  const { rows, resumedRows, reward, components, unscored, ledger } = report;
  const failed = Object.entries(unscored);
  return [
    `rows         ${rows}${resumedRows > 0 ? `, ${resumedRows} of them scored before this command was resumed` : ''}`,
    `reward       ${describeMean(reward)}`,
    ...Object.entries(components).map(
      ([name, mean]) => `  ${name.padEnd(10)} ${describeMean(mean)}`,
    ),
    ...(failed.length > 0
      ? [
          `unscored     ${reward.unscored} rows without a reward: ${failed.map(([cause, count]) => `${count} ${cause}`).join(', ')}; their messages say why`,
        ]
      : []),
    ...ledgerLines(ledger),
  ];
}

export function replayReport(summary: ReplaySummary): string[] {
  const { rollouts, groups, compared, meanBefore, meanAfter, changed } = summary;
  const { rankCorrelation, rankedGroups, trainedTwice, signChanges } = summary;
  const means =
    meanBefore === null || meanAfter === null
      ? 'no response has a reward both before and after'
      : `mean ${meanBefore.toFixed(4)} before, ${meanAfter.toFixed(4)} after; ${changed} of ${compared} differ (${percent(changed, compared)})`;
  return [
    `responses    ${rollouts} in ${groups} groups`,
    `reward       ${means}`,
    `scored       ${summary.gainedReward} gain a reward, ${summary.lostReward} lose theirs`,
    `order        ${
      rankCorrelation === null
        ? 'no group has rewards that differ both before and after'
        : `rank correlation within groups ${rankCorrelation.toFixed(3)} (Kendall's tau-b, mean over ${rankedGroups} groups)`
    }`,
    `groups       ${summary.dropped} are no longer trained on, ${summary.added} now are`,
    `advantage    ${signChanges} of ${trainedTwice} change sign (${percent(signChanges, trainedTwice)})`,
  ];
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`;
}

/** One line for each kind of use. */
export function ledgerLines(ledger: LedgerSummary): string[] {
  return Object.entries(ledger).map(([use, sums]) => `${use.padEnd(12)} ${describeUse(sums)}`);
}

function describeUse(sums: UseSummary): string {
  const { requests, failed, inputTokens, outputTokens, unmetered, money } = sums;
  return [
    `${requests} requests${failed > 0 ? ` (${failed} failed)` : ''}`,
    `${inputTokens} + ${outputTokens} tokens${unmetered > 0 ? ` (unknown for ${unmetered} answers)` : ''}`,
    ...(money === null ? [] : [`${money.toFixed(4)} spent`]),
    `${sums.reused} answers reused (${sums.tokensSaved} tokens saved)`,
  ].join(', ');
}

function describeMean({
  mean,
  scored,
  unscored,
}: {
  readonly mean: number | null;
  readonly scored: number;
  readonly unscored: number;
}): string {
  const value = mean === null ? 'none' : `mean ${mean.toFixed(4)}`;
  return unscored > 0
    ? `${value} over ${scored} rows, ${unscored} without a score`
    : `${value} over ${scored} rows`;
}
