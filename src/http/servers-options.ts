/** How the servers of one model are reached and spared. */
import type { LoadModule } from '../config/load-module.ts';
import type { Clock } from '../core/async/clock.ts';
import { MedixError, type Problem } from '../core/errors.ts';
import { parseAddress, type ServerAddress } from './address.ts';
import type { Ledger } from './ledger.ts';

export type ServersOptions = {
  /** Root of the API, e.g. `http://localhost:8085/v1`; several name replicas of one model. */
  readonly url: string | readonly string[];
  /** Sent as a bearer token; local servers need none. */
  readonly apiKey?: string;
  /** Requests in flight at once over all replicas, at least 1. */
  readonly concurrency: number;
  /** Requests begun in any minute over all replicas, at least 1. @default null, no limit */
  readonly requestsPerMinute?: number | null;
  /** Time for one request, from its start to the last byte of its response, in milliseconds. */
  readonly deadlineMs: number;
  /**
   * Maximum number of requests for one call, at least 1. Time-outs, lost connections, 408, 429 and 5xx are
   * retried.
   */
  readonly attempts: number;
  /**
   * After this many milliseconds without an answer a duplicate request is sent, to another replica if there
   * is one, and if the limits leave room for it: calls that wait for their first request take precedence.
   * @default null, never
   */
  readonly hedgeAfterMs?: number | null;
};

/** What a judge, embedder or model is opened with, beside its config. */
export type ClientContext = {
  readonly apiKey?: string;
  /** Seed of the random jitter between retries; it shapes no verdict and no vector. */
  readonly seed: number;
  readonly clock: Clock;
  /** Counts under `judge` or `embedder`. */
  readonly ledger: Ledger;
  /** How code of the user's own is found. @default {@link loadModule} */
  readonly load?: LoadModule;
};

/**
 * The addresses that the options name.
 * @throws MedixError (judge) with every option that cannot be used. No message holds the key.
 */
export function checkServersOptions(options: ServersOptions): readonly ServerAddress[] {
  const { url, apiKey, concurrency, requestsPerMinute, deadlineMs, attempts, hedgeAfterMs } =
    options;
  const problems: Problem[] = [];
  const addresses: ServerAddress[] = [];
  for (const one of typeof url === 'string' ? [url] : url) {
    const parsed = parseAddress(one);
    if (parsed.kind === 'address') addresses.push(parsed.address);
    else problems.push(parsed.problem);
  }
  const numbers = { concurrency, requestsPerMinute, deadlineMs, attempts, hedgeAfterMs };
  for (const [where, value] of Object.entries(numbers)) {
    if (value === undefined || value === null || value >= 1) continue;
    problems.push({ where, expected: 'at least 1', got: String(value), next: `raise ${where}` });
  }
  if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey)) {
    problems.push({
      where: 'API key',
      expected: 'printable ASCII characters without spaces',
      got: apiKey === '' ? 'nothing' : 'other characters (not shown)',
      next: 'check the environment variable, e.g. for a line break at its end',
    });
  }
  if (problems.length > 0) throw new MedixError('judge', problems);
  return addresses;
}
