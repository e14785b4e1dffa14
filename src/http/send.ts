/** One request to one replica within a deadline, and the second request that overtakes a slow first. */
import type { z } from 'zod';
import { linkSignals } from '../core/async/abort.ts';
import type { Clock } from '../core/async/clock.ts';
import { cancelled } from '../core/outcome.ts';
import type { HttpRequest } from './exchange.ts';
import type { Meter } from './ledger.ts';
import { type Failure, failedForGood, failedOutage, readResponse } from './read-response.ts';
import type { Replica } from './replicas.ts';

export type Sent<T> =
  | { readonly kind: 'answered'; readonly value: T; readonly latencyMs: number }
  | Failure;

export type Sender = <T>(
  replica: Replica,
  request: HttpRequest,
  response: z.ZodType<T>,
  signal: AbortSignal,
) => Promise<Sent<T>>;

/**
 * A server that closes an idle connection while a request is on its way to it resets the connection at
 * once. After this many milliseconds a reset may as well come from a server that worked on the request.
 */
const staleWithinMs = 1000;

/** @param deadlineMs From request to last byte. */
export function createSender(
  deadlineMs: number,
  apiKey: string | undefined,
  clock: Clock,
  meter: Meter,
): Sender {
  return async (replica, request, response, signal) => {
    const { connection, breaker } = replica;
    const server = connection.address.name;
    const own = linkSignals(signal);
    const trial = breaker.begin();
    const startedAt = clock.now();
    let late = false;
    replica.load++;
    meter.requested();
    void clock.sleep(deadlineMs, own.signal).then(() => {
      if (own.signal.aborted) return;
      late = true;
      own.abort();
    });
    const outcome = await connection.exchange(request, own.signal);
    const tookMs = clock.now() - startedAt;
    own.unlink();
    // Ends the deadline's timer.
    own.abort();
    replica.load--;
    if (signal.aborted) {
      trial.abandoned();
      return cancelledFailure;
    }
    const read = late
      ? failedOutage('timeout', `${server}: no whole answer within ${deadlineMs} ms`)
      : readResponse(outcome, response, { server, apiKey });
    if (read.kind === 'answered') {
      trial.succeeded();
      return { ...read, latencyMs: tookMs };
    }
    meter.failed();
    if (outcome.kind === 'lost' && outcome.wasReused && tookMs < staleWithinMs) {
      trial.abandoned();
      return { ...read, isStale: true };
    }
    if (read.outage) trial.failed();
    else trial.succeeded();
    if (read.retryAfterMs > 0) replica.restsUntil = clock.now() + read.retryAfterMs;
    return read;
  };
}

/**
 * Whichever gives the first final answer; the other is aborted. A failure that may be retried waits for
 * the other request.
 *
 * @param second Begins the second request; undefined where there is no room for one.
 */
export async function firstOf<T>(
  first: (signal: AbortSignal) => Promise<Sent<T>>,
  second: (signal: AbortSignal) => Promise<Sent<T>> | undefined,
  hedgeAfterMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Sent<T>> {
  const [slow, fast, timer] = [linkSignals(signal), linkSignals(signal), linkSignals(signal)];
  try {
    const begun = first(slow.signal);
    const early = await Promise.race([begun, clock.sleep(hedgeAfterMs, timer.signal)]);
    const hedge = early === undefined && !signal.aborted ? second(fast.signal) : undefined;
    if (hedge === undefined) return await begun;
    const winner = await Promise.race([begun, hedge]);
    const settled = isOpen(winner) ? await other(winner, begun, hedge) : winner;
    slow.abort();
    fast.abort();
    await Promise.all([begun, hedge]);
    return settled;
  } finally {
    timer.abort();
    for (const linked of [slow, fast, timer]) linked.unlink();
  }
}

async function other<T>(
  settled: Sent<T>,
  first: Promise<Sent<T>>,
  second: Promise<Sent<T>>,
): Promise<Sent<T>> {
  const [a, b] = await Promise.all([first, second]);
  return a === settled ? b : a;
}

function isOpen(sent: Sent<unknown>): boolean {
  return sent.kind === 'failed' && sent.retry;
}

const cancelledFailure = failedForGood(cancelled.cause, cancelled.message);
