/**
 * One call of a Tinker server until it has an answer: connections, deadlines, and asking again where that is
 * safe. It knows statuses and bytes; nothing of models, futures or gradients.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { linkSignals } from '../core/async/abort.ts';
import type { Clock } from '../core/async/clock.ts';
import { fail } from '../core/errors.ts';
import { given } from '../core/given.ts';
import type { Rng } from '../core/rng.ts';
import { parseAddress, type ServerAddress } from '../http/address.ts';
import { backOffMs } from '../http/back-off.ts';
import { begin, readWhole } from '../http/exchange.ts';
import { quote, requestedPauseMs } from '../http/read-response.ts';

export type TransportOptions = {
  /** Root of the server, without `/api/v1`. */
  readonly url: string;
  /** Sent as `X-API-Key`; undefined sends none. */
  readonly apiKey: string | undefined;
  readonly clock: Clock;
  /** Of the pauses between attempts. */
  readonly rng: Rng;
};

export type Payload = {
  readonly content: Uint8Array | string;
  readonly type: 'application/json' | 'application/x-protobuf';
};

/** A body of JSON. */
export function json(body: object): Payload {
  return { type: 'application/json', content: JSON.stringify(body) };
}

export type Reply = {
  readonly status: number;
  readonly isProtobuf: boolean;
  readonly body: Buffer;
  /** Where a redirect leads. */
  readonly location?: string;
};

export type CallOptions = {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly payload?: Payload;
  /** What the answer may be written in. @default JSON alone */
  readonly accept?: string;
  /** From request to last byte of one attempt. @default 60,000 */
  readonly deadlineMs?: number;
  /** Whether a passed deadline is an answer too, as status 408: of polls, which a server may hold. @default false */
  readonly isHeld?: boolean;
  /** Statuses that are an answer and no reason to ask again. */
  readonly answers?: readonly number[];
  /** Attempts while the server is out of reach or answers 5xx. @default 20 */
  readonly attempts?: number;
};

export type Transport = {
  readonly server: string;
  /**
   * Sends until there is an answer below 500: a lost connection, a deadline, 408, 429 and 5xx are asked again after
   * a pause, so a call must be one that may be sent twice.
   * @param path below `/api/v1/`
   * @throws MedixError 'engine' where attempts are used up. Rejects with the signal's reason once it aborts
   */
  call(path: string, options: CallOptions, signal: AbortSignal): Promise<Reply>;
  /** From now on bodies of protobuf are sent through this, as `Content-Encoding: zstd`. */
  compressBy(compress: (bytes: Uint8Array) => Uint8Array): void;
  /**
   * The bytes that an address of the server, or one that it named, holds. The key goes to the server itself alone.
   * @param place absolute, or relative to the server's root
   */
  download(place: string, signal: AbortSignal): Promise<Buffer>;
  close(): void;
};

const apiRoot = 'api/v1/';
const defaultDeadlineMs = 60_000;
const defaultAttempts = 20;
/** A server may be busy for long, but one that is busy for good must be told at last. */
const busyAttempts = 200;
/** Adapters, and small models whole. */
const mostArchiveBytes = 4 * 2 ** 30 - 1;
/** Pauses grow to some seconds and no further, as the official client's. */
const mostDoublings = 4;
/** Logprobs of a whole chunk as JSON. */
const mostBytes = 256 * 2 ** 20;

type Attempt =
  | { readonly kind: 'answered'; readonly reply: Reply }
  | {
      readonly kind: 'lost' | 'busy' | 'down';
      readonly said: string;
      /** For how long the server wants to be left alone; 0 where it did not say. */
      readonly pauseMs: number;
      readonly isFinal: boolean;
    };

/** @throws MedixError 'config' where the URL is none */
export function openTransport({ url, apiKey, clock, rng }: TransportOptions): Transport {
  const address = addressOf(url);
  const isSecure = address.urlOf('').protocol === 'https:';
  const Agent = isSecure ? HttpsAgent : HttpAgent;
  // Polls are held by the server; in one pool they would keep new requests waiting.
  const agents = {
    calls: new Agent({ keepAlive: true, maxSockets: 32 }),
    polls: new Agent({ keepAlive: true, maxSockets: 128 }),
  };
  // The protocol's header, and the one that some servers read instead.
  const key =
    apiKey === undefined ? {} : { 'x-api-key': apiKey, authorization: `Bearer ${apiKey}` };

  let compress: ((bytes: Uint8Array) => Uint8Array) | undefined;

  const bodyOf = ({ type, content }: Payload) => {
    const compressed =
      type === 'application/x-protobuf' && typeof content !== 'string'
        ? compress?.(content)
        : undefined;
    const sent = compressed ?? content;
    const headers = {
      'content-type': type,
      'content-length': Buffer.byteLength(sent),
      ...(compressed === undefined ? {} : { 'content-encoding': 'zstd' }),
    };
    return { sent, headers };
  };

  const once = async (path: string, options: CallOptions, signal: AbortSignal) => {
    const { method = 'POST', payload, accept = 'application/json' } = options;
    const body = payload === undefined ? undefined : bodyOf(payload);
    const headers = { accept, 'accept-encoding': 'identity', 'user-agent': 'medix-r1', ...key };
    const agent = path === 'retrieve_future' ? agents.polls : agents.calls;
    const begun = await begin(
      address.urlOf(`${apiRoot}${path}`),
      { method, agent, headers: { ...headers, ...body?.headers } },
      signal,
      body?.sent,
    );
    return begun.kind === 'begun' ? readWhole(begun.response, mostBytes) : begun;
  };

  /** One attempt within its deadline. */
  const attempt = async (
    path: string,
    options: CallOptions,
    signal: AbortSignal,
  ): Promise<Attempt> => {
    const { deadlineMs = defaultDeadlineMs, answers = [], isHeld = false } = options;
    const own = linkSignals(signal);
    let late = false;
    void clock.sleep(deadlineMs, own.signal).then(() => {
      if (own.signal.aborted) return;
      late = true;
      own.abort();
    });
    const outcome = await once(path, options, own.signal);
    own.unlink();
    // Ends the deadline's timer.
    own.abort();
    signal.throwIfAborted();
    if (late) {
      const held: Reply = { status: 408, isProtobuf: false, body: Buffer.alloc(0) };
      return isHeld
        ? { kind: 'answered', reply: held }
        : {
            kind: 'lost',
            said: `no whole answer within ${deadlineMs} ms`,
            pauseMs: 0,
            isFinal: false,
          };
    }
    if (outcome.kind !== 'response') {
      const isFinal = outcome.kind === 'unreadable';
      return { kind: 'lost', said: outcome.message, pauseMs: 0, isFinal };
    }
    const { status, headers, body } = outcome;
    const isAgain = status === 408 || status === 429 || status >= 500;
    if (!isAgain || answers.includes(status)) {
      const isProtobuf = `${headers['content-type']}`.includes('protobuf');
      const { location } = headers;
      return { kind: 'answered', reply: { status, isProtobuf, body, ...given({ location }) } };
    }
    const said = `${status}: ${quote(body.toString('utf8'), { server: address.name, apiKey })}`;
    const pauseMs = requestedPauseMs(headers['retry-after'], headers.date);
    return { kind: status === 429 ? 'busy' : 'down', said, pauseMs, isFinal: false };
  };

  const unanswered = (path: string, said: string, attempts: number): never =>
    fail('engine', {
      where: `${address.name}: ${path}`,
      expected: 'a Tinker server that answers',
      got: `${said} (${attempts} attempts)`,
      next: 'start the server or correct its address (engine.url, TINKER_BASE_URL) and run the command again; a training goes on with --resume',
    });

  const call: Transport['call'] = async (path, options, signal) => {
    const { attempts = defaultAttempts } = options;
    let failures = 0;
    let busy = 0;
    for (;;) {
      signal.throwIfAborted();
      const tried = await attempt(path, options, signal);
      if (tried.kind === 'answered') return tried.reply;
      if (tried.kind === 'busy') busy++;
      else failures++;
      if (tried.isFinal || failures >= attempts || busy >= busyAttempts) {
        unanswered(path, tried.said, failures + busy);
      }
      const pauseMs = backOffMs(Math.min(failures + busy, mostDoublings), rng);
      await clock.sleep(tried.pauseMs || pauseMs, signal);
    }
  };

  const download: Transport['download'] = async (place, signal) => {
    const url = new URL(place, address.urlOf(''));
    const isOwn = url.origin === address.urlOf('').origin;
    const own = linkSignals(signal);
    const options = { method: 'GET', headers: { 'user-agent': 'medix-r1', ...(isOwn ? key : {}) } };
    const begun = await begin(url, options, own.signal);
    const outcome =
      begun.kind === 'begun' ? await readWhole(begun.response, mostArchiveBytes) : begun;
    own.unlink();
    signal.throwIfAborted();
    if (outcome.kind === 'response' && outcome.status === 200) return outcome.body;
    return fail('engine', {
      where: `${url.origin}${url.pathname}`,
      expected: 'the archive of a checkpoint',
      got: outcome.kind === 'response' ? `status ${outcome.status}` : outcome.message,
      next: 'copy the weights from the server by hand',
    });
  };

  return {
    server: address.name,
    call,
    compressBy: (by) => {
      compress = by;
    },
    download,
    close: () => {
      agents.calls.destroy();
      agents.polls.destroy();
    },
  };
}

function addressOf(url: string): ServerAddress {
  const parsed = parseAddress(url);
  if (parsed.kind === 'address') return parsed.address;
  const { problem } = parsed;
  return fail('config', {
    ...problem,
    where: 'engine.url',
    next: 'write the root of the server, e.g. http://127.0.0.1:8000; its key belongs into TINKER_API_KEY',
  });
}
