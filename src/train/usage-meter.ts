/** What an iteration used beside the policy: requests, tokens and money of judge and embedder, and memory. */
import { type Metrics, meanOf } from '../core/metrics.ts';
import type { LedgerSummary, UseSummary } from '../core/usage.ts';
import { quantileOf } from './spread-metrics.ts';

export type UsageMeter = {
  /** A request to the judge took this long. */
  judged(milliseconds: number): void;
  /**
   * Of the time since the last call: for each use of the ledger `usage/<use>/requests`, `/failed`, `/reused`,
   * `/inputTokens`, `/outputTokens` and, with prices, `/money`; `usage/judge/p50Ms` and `/p95Ms` where the judge
   * was asked. And `usage/peakMemoryMiB`, the most memory that this process has had so far.
   */
  take(): Metrics;
};

const counted = ['requests', 'failed', 'reused', 'inputTokens', 'outputTokens'] as const;

/** @param peakMemory bytes */
export function createUsageMeter(
  ledger: () => LedgerSummary,
  peakMemory: () => number,
): UsageMeter {
  let before: LedgerSummary = ledger();
  let times: number[] = [];
  return {
    judged: (milliseconds) => {
      times.push(milliseconds);
    },
    take: () => {
      const now = ledger();
      const uses = Object.entries(now).map(([use, sums]) => since(use, sums, before[use]));
      const judge =
        times.length === 0
          ? {}
          : {
              'usage/judge/p50Ms': quantileOf(times, 0.5),
              'usage/judge/p95Ms': quantileOf(times, 0.95),
            };
      before = now;
      times = [];
      return Object.assign({}, ...uses, judge, {
        'usage/peakMemoryMiB': meanOf(peakMemory() / 2 ** 20),
      });
    },
  };
}

function since(use: string, now: UseSummary, before: UseSummary | undefined): Metrics {
  const counts = counted.map((name) => [
    `usage/${use}/${name}`,
    meanOf(now[name] - (before?.[name] ?? 0)),
  ]);
  const money =
    now.money === null ? [] : [[`usage/${use}/money`, now.money - (before?.money ?? 0)] as const];
  return Object.fromEntries([...counts, ...money.map(([key, value]) => [key, meanOf(value)])]);
}

/** The most memory that this process has had, in bytes. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}
