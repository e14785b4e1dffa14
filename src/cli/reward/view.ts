/** The results of scoring, as lines for people. */
import type { LedgerSummary, UseSummary } from '../../core/usage.ts';
import type { ScoreFileReport } from '../../reward/offline/score-file.ts';
import type { OpenedReward } from '../../reward/open-reward.ts';

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
