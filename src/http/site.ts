/**
 * JSON and files of a site such as a hub: asked for again where that can help, files from where they broke
 * off. It knows nothing of what the files are.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Proxies } from '../config/environment.ts';
import { linkSignals } from '../core/async/abort.ts';
import type { Clock } from '../core/async/clock.ts';
import { cancelled } from '../core/outcome.ts';
import type { Rng } from '../core/rng.ts';
import type { ServerAddress } from './address.ts';
import { backOffMs } from './back-off.ts';
import { describe, type HttpOutcome, lost, readWhole } from './exchange.ts';
import { type Failure, failedForGood, failedOutage, readResponse } from './read-response.ts';
import { openRequests } from './redirects.ts';

export type SiteOptions = {
  /** Sent as a bearer token, to the site's own origin alone. */
  readonly token?: string;
  /** Through which it is reached. @default none */
  readonly proxies?: Proxies;
  /** An attempt is given up once nothing has come for so long, in milliseconds. */
  readonly idleMs: number;
  /** Requests for the same thing, one after the other, that bring nothing new; at least 1. */
  readonly attempts: number;
};

export type SiteContext = {
  /** Random numbers for the pauses between attempts. */
  readonly rng: Rng;
  readonly clock: Clock;
};

export type SiteFailure = {
  readonly kind: 'failed';
  readonly message: string;
  /** Absent where no whole response came. */
  readonly status?: number;
  /** Of the response with this status. */
  readonly headers: IncomingHttpHeaders;
};

type SiteReply<T> = { readonly kind: 'answered'; readonly value: T } | SiteFailure;

/** Where a file goes. What its functions throw ends the download, and is thrown on. */
export type Sink = {
  /** Bytes that it holds; the first is the file's first. */
  length(): number;
  append(bytes: Uint8Array): Promise<void>;
  /** Forgets what it holds: the file comes anew from its first byte. */
  restart(): Promise<void>;
};

export type Site = {
  /** Never rejects; after `signal` aborts the reply is a failure. @param path below the root, with its query */
  json<T>(path: string, schema: z.ZodType<T>, signal: AbortSignal): Promise<SiteReply<T>>;
  /** Appends what the sink lacks of a file of `length` bytes. Rejects with what the sink throws only. */
  file(path: string, length: number, sink: Sink, signal: AbortSignal): Promise<SiteReply<void>>;
  close(): void;
};

type Answered<T> = { readonly kind: 'answered'; readonly value: T };
type FailedAttempt = Failure & { readonly headers: IncomingHttpHeaders };
type Attempt<T> = (signal: AbortSignal, heard: () => void) => Promise<Answered<T> | FailedAttempt>;

/** A site that wants to be left alone for longer is given up. */
const longestRestMs = 120_000;

export function openSite(
  address: ServerAddress,
  { token, proxies, idleMs, attempts }: SiteOptions,
  { rng, clock }: SiteContext,
): Site {
  const requests = openRequests(token, proxies);
  const context = { server: address.name, apiKey: token };
  const said = (message: string) => `${address.name}: ${message}`;

  const ask = async (
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Answered<IncomingMessage> | FailedAttempt> => {
    const got = await requests.get(new URL(`${address.name}/${path}`), headers, signal);
    switch (got.kind) {
      case 'begun':
        return { kind: 'answered', value: got.response };
      case 'lost':
        return withHeaders(failedOutage('transport', said(got.message)));
      case 'astray':
        return withHeaders(failedForGood('refused', said(got.message)));
    }
  };

  const read = async <T>(response: IncomingMessage, schema: z.ZodType<T>) => {
    const outcome = readResponse(await readWhole(response), schema, context);
    return outcome.kind === 'failed' ? withHeaders(outcome, response.headers) : outcome;
  };

  const receive = async (
    response: IncomingMessage,
    length: number,
    sink: Sink,
    heard: () => void,
  ): Promise<Answered<void> | FailedAttempt> => {
    const wrong = wrongPart(response, sink.length());
    if (wrong !== undefined) {
      response.destroy();
      return withHeaders(failedForGood('unparsable', said(wrong)));
    }
    if (response.statusCode === 200 && sink.length() > 0) await sink.restart();
    const end = await pour(response, length, sink, heard);
    if (end === undefined) return { kind: 'answered', value: undefined };
    return withHeaders(failedOutage('transport', said(end.message)));
  };

  /** @param hasMore whether the last attempt brought something: it then counts as the first */
  const retrying = async <T>(
    attempt: Attempt<T>,
    hasMore: () => boolean,
    signal: AbortSignal,
  ): Promise<SiteReply<T>> => {
    for (let made = 1; ; made++) {
      const outcome = await heardOf(attempt, signal);
      if (outcome.kind === 'answered') return outcome;
      if (signal.aborted) return { kind: 'failed', message: cancelled.message, headers: {} };
      if (hasMore()) made = 1;
      if (!isWorthAnother(outcome, made)) return replyOf(outcome);
      await clock.sleep(Math.max(backOffMs(made, rng), outcome.retryAfterMs), signal);
    }
  };
  const heardOf = async <T>(attempt: Attempt<T>, signal: AbortSignal) => {
    const tried = await whileHeard(attempt, idleMs, clock, signal);
    if (tried !== silent) return tried;
    return withHeaders(failedOutage('timeout', said(`sent nothing for ${idleMs / 1000} s`)));
  };
  const isWorthAnother = ({ retry, retryAfterMs }: Failure, made: number) =>
    retry && made < attempts && retryAfterMs <= longestRestMs;

  return {
    json: (path, schema, signal) =>
      retrying(
        async (own) => {
          const asked = await ask(path, { accept: 'application/json' }, own);
          return asked.kind === 'failed' ? asked : read(asked.value, schema);
        },
        () => false,
        signal,
      ),
    file: (path, length, sink, signal) => {
      let known = sink.length();
      const attempt: Attempt<void> = async (own, heard) => {
        const from = sink.length();
        if (from >= length) return { kind: 'answered', value: undefined };
        const asked = await ask(path, from === 0 ? {} : { range: `bytes=${from}-` }, own);
        if (asked.kind === 'failed') return asked;
        if (isFile(asked.value)) return receive(asked.value, length, sink, heard);
        return read(asked.value, z.never());
      };
      const hasMore = () => {
        const before = known;
        known = sink.length();
        return known > before;
      };
      return retrying(attempt, hasMore, signal);
    },
    close: () => requests.close(),
  };
}

function isFile({ statusCode }: IncomingMessage): boolean {
  return statusCode === 200 || statusCode === 206;
}

/** What keeps a file's response from being the part that was asked for. */
function wrongPart({ statusCode, headers }: IncomingMessage, from: number): string | undefined {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') return `a compressed file (${encoding.slice(0, 40)})`;
  if (statusCode === 200) return undefined;
  const first = /^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1];
  return first === String(from) ? undefined : 'another part of the file than was asked for';
}

/** @returns how it was lost, undefined where it came to its end */
async function pour(
  response: IncomingMessage,
  length: number,
  sink: Sink,
  heard: () => void,
): Promise<Extract<HttpOutcome, { kind: 'lost' }> | undefined> {
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => lost(describe(error)));
      if ('kind' in next) return next;
      if (next.done) break;
      heard();
      await sink.append(next.value);
      // Longer than it was said to be: it is another file, whatever else comes.
      if (sink.length() > length) break;
    }
  } finally {
    response.destroy();
  }
  return sink.length() < length ? lost(`the file ended after ${sink.length()} bytes`) : undefined;
}

/** Ends an attempt of which nothing has been heard for too long. */
async function whileHeard<T>(
  attempt: Attempt<T>,
  idleMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Answered<T> | FailedAttempt | typeof silent> {
  const own = linkSignals(signal);
  let heardAt = clock.now();
  let isSilent = false;
  const watch = async () => {
    while (!own.signal.aborted) {
      const leftMs = heardAt + idleMs - clock.now();
      if (leftMs > 0) {
        await clock.sleep(leftMs, own.signal);
      } else {
        isSilent = true;
        own.abort();
      }
    }
  };
  void watch();
  const heard = () => {
    heardAt = clock.now();
  };
  try {
    const tried = await attempt(own.signal, heard);
    return isSilent && tried.kind === 'failed' ? silent : tried;
  } finally {
    own.unlink();
    // Ends the watch.
    own.abort();
  }
}

const silent = Symbol('silent');

function withHeaders(failure: Failure, headers: IncomingHttpHeaders = {}): FailedAttempt {
  return { ...failure, headers };
}

function replyOf({ outcome, status, headers }: FailedAttempt): SiteFailure {
  const { message } = outcome;
  return { kind: 'failed', message, headers, ...(status === undefined ? {} : { status }) };
}
