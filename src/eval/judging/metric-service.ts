/**
 * An external metric of reports behind HTTP, e.g. a RadGraph or GREEN server. It takes
 * `POST {items: [{id, candidate, reference}]}` and answers `{scores: [number or null]}` in the same order.
 * What it does not answer has no value, never 0.
 */
import { z } from 'zod';
import { createBatcher } from '../../core/async/batches.ts';
import type { Clock } from '../../core/async/clock.ts';
import { rngFromKey } from '../../core/rng.ts';
import { connectServers } from '../../http/connect-servers.ts';
import type { Ledger } from '../../http/ledger.ts';

export type ReportPair = {
  readonly id: string;
  /** Written by the model under test. */
  readonly candidate: string;
  readonly reference: string;
};

export type MetricService = {
  readonly name: string;
  /** In the metric's own unit; null where the service failed. Never rejects. */
  score(report: ReportPair, signal: AbortSignal): Promise<number | null>;
  /** Reports without a value, by cause. */
  failures(): Readonly<Record<string, number>>;
  close(): void;
};

export type MetricServiceOptions = {
  /** Column in reports. */
  readonly name: string;
  /** Where to post, with query if need be. */
  readonly url: string;
};

const scoresSchema = z.object({ scores: z.array(z.unknown()) });

/** Reports in one request: enough to keep a model on a GPU busy. */
const largestBatch = 32;
const requestsAtOnce = 2;
/** Such metrics run models of their own over a whole batch. */
const deadlineMs = 300_000;
const attempts = 4;

/** @throws MedixError (judge) when the address cannot be used. */
export function createMetricService(
  { name, url }: MetricServiceOptions,
  { clock, ledger }: { readonly clock: Clock; readonly ledger: Ledger },
): MetricService {
  const { root, path } = splitAddress(url);
  const use = `metric/${name}`;
  const servers = connectServers(
    { url: root, concurrency: requestsAtOnce, deadlineMs, attempts },
    { rng: rngFromKey(use), clock, ledger, use },
  );
  const meter = ledger.meter(use);
  const failures: Record<string, number> = {};
  const without = (cause: string): null => {
    if (cause !== 'cancelled') failures[cause] = (failures[cause] ?? 0) + 1;
    return null;
  };

  const scoreBatch = async (items: readonly ReportPair[], signal: AbortSignal) => {
    const request = {
      method: 'POST',
      path,
      body: () => JSON.stringify({ items }),
      response: scoresSchema,
    } as const;
    const answer = await servers.call(request, signal);
    if (answer.kind === 'failed') return items.map(() => without(answer.outcome.cause));
    meter.answered({ prompt: 0, completion: 0 });
    const { scores } = answer.value;
    // Scores of another number of reports could be of any of them.
    if (scores.length !== items.length) return items.map(() => without('unparsable'));
    return scores.map((score) =>
      typeof score === 'number' ? score : without(score === null ? 'no-score' : 'unparsable'),
    );
  };

  return {
    name,
    score: createBatcher(scoreBatch, { largest: largestBatch, atOnce: requestsAtOnce }),
    failures: () => ({ ...failures }),
    close: () => servers.close(),
  };
}

/** The last part of the path is what is asked below the root. */
function splitAddress(url: string): { readonly root: string; readonly path: string } {
  const root = new URL(url);
  const cut = root.pathname.lastIndexOf('/');
  const path = root.pathname.slice(cut + 1);
  root.pathname = root.pathname.slice(0, cut);
  return { root: root.href, path };
}
