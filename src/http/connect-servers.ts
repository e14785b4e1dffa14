/**
 * One model behind one or several OpenAI-compatible servers (vLLM, llama.cpp, OpenRouter, …): balancing,
 * limits, deadline, retries, second requests and the cause of each failure. It knows nothing about what
 * is asked.
 */
import type { z } from 'zod';
import { linkSignals } from '../core/async/abort.ts';
import type { Clock } from '../core/async/clock.ts';
import { createLimiter } from '../core/async/limiter.ts';
import { cancelled, type Unscored } from '../core/outcome.ts';
import type { Rng } from '../core/rng.ts';
import { backOffMs } from './back-off.ts';
import { type HttpRequest, openConnection } from './exchange.ts';
import type { Ledger } from './ledger.ts';
import { createRateLimit } from './rate-limit.ts';
import type { Failure } from './read-response.ts';
import { createReplicas, type Replica } from './replicas.ts';
import { createSender, firstOf, type Sent } from './send.ts';
import { checkServersOptions, type ServersOptions } from './servers-options.ts';

/** What a server's client takes from outside. */
export type ServersContext = {
  /** Random numbers for the jitter between retries. */
  readonly rng: Rng;
  readonly clock: Clock;
  /** Counts every request, and may bar them. */
  readonly ledger: Ledger;
  /** Under which name the ledger counts, e.g. `judge`. */
  readonly use: string;
};

type ServerRequest<T> = {
  readonly method: 'GET' | 'POST';
  /** Below the root, e.g. `chat/completions`. */
  readonly path: string;
  /** JSON text for a server, made when its turn has come, so that thousands of calls may wait cheaply. */
  readonly body?: (server: string) => string;
  readonly response: z.ZodType<T>;
  /**
   * Hears what a server said when it did not answer, and returns whether the body for that server is
   * another one now. It is then sent at once, and does not count as another attempt at the same question.
   */
  readonly adapts?: (server: string, said: string) => boolean;
};

export type ServerReply<T> =
  /** `latencyMs` is that of the request that was answered, without waiting and retries. */
  | { readonly kind: 'answered'; readonly value: T; readonly latencyMs: number }
  /** `status` is absent where no whole response came. */
  | { readonly kind: 'failed'; readonly outcome: Unscored; readonly status?: number };

/** Never rejects for what a server does; after `signal` aborts the outcome is `cancelled`. */
type CallServer = <T>(request: ServerRequest<T>, signal: AbortSignal) => Promise<ServerReply<T>>;

export type Servers = {
  readonly call: CallServer;
  /**
   * Asks every replica once, beside what waits in line and whatever its breaker says, without retries. One
   * reply each, in the order of the URLs; those that the ledger bars are not asked.
   */
  readonly callEach: <T>(
    request: ServerRequest<T>,
    signal: AbortSignal,
  ) => Promise<readonly ServerReply<T>[]>;
  /** Open calls come back `cancelled`, as do all later ones; connections are closed. */
  readonly close: () => void;
};

type Tried<T> = { readonly kind: 'tried'; readonly replica: Replica; readonly sent: Sent<T> };

/** A call waits for servers that are down for as long as its own attempts may take, and at least so long. */
const shortestPatienceMs = 60_000;

/** A server that wants to be left alone for longer is given up. */
const longestRestMs = 120_000;

/** @throws MedixError (judge) when an address or the key cannot be used or a number is below 1. */
export function connectServers(options: ServersOptions, context: ServersContext): Servers {
  const { apiKey, attempts, deadlineMs, hedgeAfterMs = null, requestsPerMinute = null } = options;
  const { clock, rng } = context;
  const connections = checkServersOptions(options).map((address) =>
    openConnection(address, apiKey),
  );
  const patienceMs = Math.max(shortestPatienceMs, attempts * deadlineMs);
  const replicas = createReplicas(connections, patienceMs, clock);
  const places = createLimiter(options.concurrency);
  const rate = createRateLimit(requestsPerMinute, clock);
  const meter = context.ledger.meter(context.use);
  const send = createSender(deadlineMs, apiKey, clock, meter);
  const closed = new AbortController();

  const barred = (): Unscored | undefined => {
    const bar = meter.barred();
    return bar === undefined ? undefined : { kind: 'unscored', cause: 'cap-reached', message: bar };
  };

  /** Counts the request with those of other processes, where a cap is of all of them. */
  const reserved = async (): Promise<Unscored | undefined> => {
    const bar = await meter.reserve?.();
    return bar === undefined ? undefined : { kind: 'unscored', cause: 'cap-reached', message: bar };
  };

  /** At once where nothing is shared: what is checked and what is sent then belong to one turn. */
  const reservedOnce = async (reservation: { isMade: boolean }) => {
    if (reservation.isMade) return undefined;
    const bar = await reserved();
    reservation.isMade = bar === undefined;
    return bar;
  };

  const sendTo = <T>(replica: Replica, request: ServerRequest<T>, signal: AbortSignal) =>
    send(replica, httpOf(request, replica), request.response, signal);

  const hedge = <T>(slow: Replica, begin: (replica: Replica) => Promise<Sent<T>>) => {
    // A cap of several processes is asked about before each request, for which a hedge has no time.
    if (barred() !== undefined || meter.reserve !== undefined) return undefined;
    const next = replicas.choose(slow);
    if (next === undefined) return undefined;
    const release = places.tryAcquire();
    if (release === undefined) return undefined;
    if (rate.tryTake()) return begin(next).finally(release);
    release();
    return undefined;
  };

  const attempt = <T>(
    replica: Replica,
    request: ServerRequest<T>,
    signal: AbortSignal,
  ): Promise<Sent<T>> => {
    if (hedgeAfterMs === null) return sendTo(replica, request, signal);
    return firstOf(
      (inner) => sendTo(replica, request, inner),
      (inner) => hedge(replica, (another) => sendTo(another, request, inner)),
      hedgeAfterMs,
      clock,
      signal,
    );
  };

  const waitForTurn = async (signal: AbortSignal): Promise<Unscored | undefined> => {
    await replicas.untilOneIsReady(signal);
    return (await rate.take(signal)) ? undefined : cancelled;
  };

  const tryOnce = async <T>(
    request: ServerRequest<T>,
    previous: Replica | undefined,
    signal: AbortSignal,
  ): Promise<Tried<T> | Unscored> => {
    const reservation = { isMade: false };
    for (;;) {
      // Before every wait, so that no call waits in vain, and after the last one, because the cap may be
      // reached meanwhile.
      let bar = barred() ?? (await waitForTurn(signal));
      if (bar !== undefined) return bar;
      bar = barred() ?? (meter.reserve && (await reservedOnce(reservation)));
      if (bar !== undefined) return bar;
      const replica = replicas.choose(previous);
      // Chosen and sent in one turn: of many that have waited for a server, one tries it.
      if (replica !== undefined) {
        return { kind: 'tried', replica, sent: await attempt(replica, request, signal) };
      }
    }
  };

  const withRetries = async <T>(
    request: ServerRequest<T>,
    signal: AbortSignal,
  ): Promise<ServerReply<T>> => {
    const pauseAfter = countAttempts(request, attempts, () => replicas.shortestRestMs(), rng);
    let previous: Replica | undefined;
    for (;;) {
      const next = await tryOnce(request, previous, signal);
      if (next.kind === 'unscored') return unanswered(next);
      const { sent, replica } = next;
      if (sent.kind === 'answered') return sent;
      const ms = pauseAfter(sent);
      if (ms === undefined) return replyOf(sent);
      if (ms === 0) continue;
      previous = replica;
      await clock.sleep(ms, signal);
    }
  };

  const call: CallServer = async (request, signal) => {
    const own = linkSignals(signal, closed.signal);
    const release = await places.acquire(own.signal);
    try {
      return release === undefined ? unanswered(cancelled) : await withRetries(request, own.signal);
    } finally {
      release?.();
      own.unlink();
    }
  };

  const askOnce = async <T>(
    replica: Replica,
    request: ServerRequest<T>,
    signal: AbortSignal,
  ): Promise<ServerReply<T>> => {
    const bar = barred() ?? (meter.reserve && (await reserved()));
    if (bar !== undefined) return unanswered(bar);
    const sent = await sendTo(replica, request, signal);
    const isStale = sent.kind === 'failed' && sent.isStale === true;
    const again = isStale && barred() === undefined;
    return replyOf(again ? await sendTo(replica, request, signal) : sent);
  };

  const callEach = async <T>(request: ServerRequest<T>, signal: AbortSignal) => {
    const own = linkSignals(signal, closed.signal);
    const replies = await Promise.all(
      replicas.all.map((replica) => askOnce(replica, request, own.signal)),
    );
    own.unlink();
    return replies;
  };

  return {
    call,
    callEach,
    close: () => {
      closed.abort();
      for (const connection of connections) connection.close();
    },
  };
}

/** Says after each failure of one call in how many milliseconds it is tried again; undefined: not any more. */
function countAttempts(
  request: ServerRequest<unknown>,
  attempts: number,
  shortestRestMs: () => number,
  rng: Rng,
) {
  let made = 0;
  let stale = 0;
  return (failure: Failure): number | undefined => {
    if (isAdapted(request, failure)) return 0;
    made++;
    if (failure.isStale) stale++;
    if (!failure.retry || made >= attempts) return undefined;
    // The server did nothing about it, so there is nothing to wait for; more than once it is a fault.
    if (failure.isStale && stale === 1) return 0;
    const restMs = shortestRestMs();
    return restMs > longestRestMs ? undefined : Math.max(backOffMs(made, rng), restMs);
  };
}

function httpOf(
  { method, path, body }: ServerRequest<unknown>,
  { connection }: Replica,
): HttpRequest {
  return body === undefined
    ? { method, path }
    : { method, path, body: body(connection.address.name) };
}

function isAdapted({ adapts }: ServerRequest<unknown>, { refusal }: Failure): boolean {
  return refusal !== undefined && adapts?.(refusal.server, refusal.said) === true;
}

function replyOf<T>(sent: Sent<T>): ServerReply<T> {
  return sent.kind === 'answered' ? sent : unanswered(sent.outcome, sent.status);
}

function unanswered(outcome: Unscored, status?: number) {
  return { kind: 'failed', outcome, ...(status === undefined ? {} : { status }) } as const;
}
