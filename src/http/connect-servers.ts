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
import { type HttpRequest, openConnection } from './exchange.ts';
import type { Ledger } from './ledger.ts';
import { createRateLimit } from './rate-limit.ts';
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
  /** JSON text, made when its turn has come, so that thousands of calls may wait cheaply. */
  readonly body?: () => string;
  readonly response: z.ZodType<T>;
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
   * reply each, in the order of the URLs; a single one where the ledger bars requests.
   */
  readonly callEach: <T>(
    request: ServerRequest<T>,
    signal: AbortSignal,
  ) => Promise<readonly ServerReply<T>[]>;
  /** Open calls come back `cancelled`, as do all later ones; connections are closed. */
  readonly close: () => void;
};

type Tried<T> = { readonly kind: 'tried'; readonly replica: Replica; readonly sent: Sent<T> };

const firstBackOffMs = 500;
const longestBackOffMs = 30_000;
/** A server that wants to be left alone for longer is given up. */
const longestRestMs = 120_000;

/** @throws MedixError (judge) when an address or the key cannot be used or a number is below 1. */
export function connectServers(options: ServersOptions, context: ServersContext): Servers {
  const { apiKey, attempts, deadlineMs, hedgeAfterMs = null, requestsPerMinute = null } = options;
  const { clock, rng } = context;
  const connections = checkServersOptions(options).map((address) =>
    openConnection(address, apiKey),
  );
  const replicas = createReplicas(connections, clock);
  const places = createLimiter(options.concurrency);
  const rate = createRateLimit(requestsPerMinute, clock);
  const meter = context.ledger.meter(context.use);
  const send = createSender(deadlineMs, apiKey, clock, meter);
  const closed = new AbortController();

  const ready = (
    avoided?: Replica,
  ): { readonly kind: 'ready'; readonly replica: Replica } | Unscored => {
    const bar = meter.barred();
    if (bar !== undefined) return { kind: 'unscored', cause: 'cap-reached', message: bar };
    const replica = replicas.choose(avoided);
    return replica === undefined ? replicas.outage() : { kind: 'ready', replica };
  };

  const hedge = <T>(slow: Replica, begin: (replica: Replica) => Promise<Sent<T>>) => {
    const next = ready(slow);
    if (next.kind === 'unscored') return undefined;
    const release = places.tryAcquire();
    if (release === undefined) return undefined;
    if (rate.tryTake()) return begin(next.replica).finally(release);
    release();
    return undefined;
  };

  const attempt = <T>(
    replica: Replica,
    request: HttpRequest,
    response: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<Sent<T>> => {
    if (hedgeAfterMs === null) return send(replica, request, response, signal);
    return firstOf(
      (inner) => send(replica, request, response, inner),
      (inner) => hedge(replica, (another) => send(another, request, response, inner)),
      hedgeAfterMs,
      clock,
      signal,
    );
  };

  const tryOnce = async <T>(
    request: HttpRequest,
    response: z.ZodType<T>,
    previous: Replica | undefined,
    signal: AbortSignal,
  ): Promise<Tried<T> | Unscored> => {
    if (signal.aborted) return cancelled;
    // Checked before and after the wait for the rate limit: before it, so that no call waits in vain; after
    // it, because the cap may be reached meanwhile.
    const before = ready(previous);
    if (before.kind === 'unscored') return before;
    if (!(await rate.take(signal))) return cancelled;
    const now = ready(previous);
    if (now.kind === 'unscored') return now;
    const { replica } = now;
    return { kind: 'tried', replica, sent: await attempt(replica, request, response, signal) };
  };

  /** Milliseconds until the next attempt; undefined where there is none. */
  const pauseMs = (sent: Sent<unknown>, number: number): number | undefined => {
    const restMs = replicas.shortestRestMs();
    const isFinal = sent.kind === 'answered' || !sent.retry || number >= attempts;
    return isFinal || restMs > longestRestMs ? undefined : Math.max(backOffMs(number, rng), restMs);
  };

  const withRetries = async <T>(
    request: ServerRequest<T>,
    signal: AbortSignal,
  ): Promise<ServerReply<T>> => {
    const http = httpOf(request);
    let last: Tried<T> | undefined;
    for (let number = 1; ; number++) {
      const next = await tryOnce(http, request.response, last?.replica, signal);
      if (next.kind === 'unscored') {
        // The failure that this call met itself says more than an open breaker does.
        return last && next.cause === 'transport' ? replyOf(last.sent) : unanswered(next);
      }
      const ms = pauseMs(next.sent, number);
      if (ms === undefined) return replyOf(next.sent);
      await clock.sleep(ms, signal);
      last = next;
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

  const callEach = async <T>(request: ServerRequest<T>, signal: AbortSignal) => {
    const bar = meter.barred();
    if (bar !== undefined) {
      return [unanswered({ kind: 'unscored', cause: 'cap-reached', message: bar })];
    }
    const own = linkSignals(signal, closed.signal);
    const http = httpOf(request);
    const sent = await Promise.all(
      replicas.all.map((replica) => send(replica, http, request.response, own.signal)),
    );
    own.unlink();
    return sent.map(replyOf);
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

/** Doubles with every attempt; spread by ±50 %, so that requests that failed together part ways. */
function backOffMs(attempt: number, rng: Rng): number {
  return Math.min(longestBackOffMs, firstBackOffMs * 2 ** (attempt - 1) * (0.5 + rng.next()));
}

function httpOf({ method, path, body }: ServerRequest<unknown>): HttpRequest {
  return body === undefined ? { method, path } : { method, path, body: body() };
}

function replyOf<T>(sent: Sent<T>): ServerReply<T> {
  return sent.kind === 'answered' ? sent : unanswered(sent.outcome, sent.status);
}

function unanswered(outcome: Unscored, status?: number) {
  return { kind: 'failed', outcome, ...(status === undefined ? {} : { status }) } as const;
}
