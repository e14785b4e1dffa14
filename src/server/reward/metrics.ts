/** What Prometheus reads from `/metrics`. No label carries text of a trainer or of a model. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { LedgerSummary } from '../../core/usage.ts';
import type { Judge } from '../../judge/judge.ts';
import type { RewardResult } from './wire.ts';

export type ServiceMetrics = {
  request(route: string, status: number, seconds: number): void;
  results(results: readonly RewardResult[]): void;
  /** The judge, with the time of every request to its model on record. */
  timed(judge: Judge): Judge;
  /** Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: string;
};

const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180];

/**
 * @param itemsInWork items admitted and not yet answered.
 * @param ledger calls, tokens and money spent on judge and embedder.
 */
export function createServiceMetrics(
  itemsInWork: () => number,
  ledger: () => LedgerSummary,
): ServiceMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'medix_reward_requests_total',
    help: 'Requests answered, by route and HTTP status',
    labelNames: ['route', 'status'],
    registers,
  });
  const requestSeconds = new Histogram({
    name: 'medix_reward_request_seconds',
    help: 'Time from request to answer, by route',
    labelNames: ['route'],
    buckets: secondsBuckets,
    registers,
  });
  const items = new Counter({
    name: 'medix_reward_items_total',
    help: 'Items answered, by outcome and, where there is no reward, its cause',
    labelNames: ['outcome', 'cause'],
    registers,
  });
  const rewards = new Histogram({
    name: 'medix_reward_value',
    help: 'Rewards given',
    buckets: Array.from({ length: 11 }, (_, tenths) => tenths / 10),
    registers,
  });
  const judgeSeconds = new Histogram({
    name: 'medix_reward_judge_seconds',
    help: 'Time of the request that gave a verdict, without retries',
    buckets: secondsBuckets,
    registers,
  });
  new Gauge({
    name: 'medix_reward_items_in_work',
    help: 'Items that are being scored',
    registers,
    collect() {
      this.set(itemsInWork());
    },
  });
  new Gauge({
    name: 'medix_reward_ledger',
    help: 'Requests, tokens and money since the start, by use (judge, embedder) and entry',
    labelNames: ['use', 'entry'],
    registers,
    collect() {
      for (const [use, account] of Object.entries(ledger())) {
        for (const [entry, value] of Object.entries(account)) {
          if (value !== null) this.set({ use, entry }, value);
        }
      }
    },
  });
  return {
    request: (route, status, seconds) => {
      requests.inc({ route, status: String(status) });
      requestSeconds.observe({ route }, seconds);
    },
    results: (results) => {
      for (const result of results) {
        const cause = result.kind === 'scored' ? '' : result.cause;
        items.inc({ outcome: result.kind, cause });
        if (result.kind === 'scored') rewards.observe(result.reward);
      }
    },
    timed: (judge) => ({
      ...judge,
      judge: async (asked, signal) => {
        const outcomes = await judge.judge(asked, signal);
        for (const outcome of outcomes) {
          if (outcome.kind === 'judged' && outcome.source === 'model') {
            judgeSeconds.observe(outcome.latencyMs / 1000);
          }
        }
        return outcomes;
      },
    }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
