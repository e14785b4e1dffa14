/**
 * One HTTP request and its whole response, over kept-alive connections of one server. It knows nothing
 * about retries or JSON: what it is told to send leaves once. Redirects are not followed, so that a key
 * never travels to another address.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { onAbort } from '../core/async/abort.ts';
import { messageOf } from '../core/errors.ts';
import type { ServerAddress } from './address.ts';
import { decompress } from './decompress.ts';

export type HttpRequest = {
  readonly method: 'GET' | 'POST';
  /** Below the root of the API. */
  readonly path: string;
  /** JSON text. */
  readonly body?: string;
};

export type HttpOutcome =
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: Buffer;
    }
  | {
      /** No whole response came: no connection, connection cut, or aborted. */
      readonly kind: 'lost';
      readonly message: string;
      /** A connection kept alive from an earlier request was reset before any of the response came. */
      readonly wasReused: boolean;
    }
  /** A whole response that cannot be read: longer than any answer, or compressed in an unknown way. */
  | { readonly kind: 'unreadable'; readonly message: string };

export type Connection = {
  readonly address: ServerAddress;
  /** Never rejects. `signal` must be of this one exchange: it aborts when all is over. */
  exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpOutcome>;
  /** Closes the kept-alive connections. */
  close(): void;
};

/** 64 vectors of 8,192 numbers fit. */
const longestBodyBytes = 16 * 2 ** 20;

/** @param apiKey Sent as bearer token. */
export function openConnection(address: ServerAddress, apiKey: string | undefined): Connection {
  const isSecure = address.urlOf('').protocol === 'https:';
  const agent = isSecure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const headers = {
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'medix-r1',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  };

  const exchange = async (
    { method, path, body }: HttpRequest,
    signal: AbortSignal,
  ): Promise<HttpOutcome> => {
    const content =
      body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const options = { method, agent, headers: { ...headers, ...content } };
    const begun = await begin(address.urlOf(path), options, signal, body);
    return begun.kind === 'begun' ? readWhole(begun.response) : begun;
  };

  return { address, exchange, close: () => agent.destroy() };
}

export type Begun =
  /** The head of a response has come; its body is to be read. */
  | { readonly kind: 'begun'; readonly response: IncomingMessage }
  | Extract<HttpOutcome, { kind: 'lost' }>;

/**
 * Sends one request, and waits for the head of its response. Never rejects.
 * @param options with an agent of the URL's protocol
 * @param signal of this one exchange: it ends the response's body too
 */
export async function begin(
  url: URL,
  options: RequestOptions,
  signal: AbortSignal,
  body?: string | Uint8Array,
): Promise<Begun> {
  if (signal.aborted) return lost('aborted');
  const sent = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options);
  sent.end(body);
  // Not taken back: destroying a request that is done does nothing, and the signal is this exchange's.
  onAbort(signal, () => sent.destroy());
  try {
    return { kind: 'begun', response: await responseOf(sent) };
  } catch (error) {
    return lost(describe(error), sent.reusedSocket && isReset(error));
  }
}

function responseOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
  });
}

/**
 * The whole of a response that was begun. Never rejects.
 * @param mostBytes a longer body is unreadable. @default 16 MiB
 */
export async function readWhole(
  response: IncomingMessage,
  mostBytes = longestBodyBytes,
): Promise<HttpOutcome> {
  const tooLong: HttpOutcome = {
    kind: 'unreadable',
    message: `the response is longer than ${mostBytes} bytes`,
  };
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response) {
      length += chunk.length;
      if (length > mostBytes) {
        response.destroy();
        return tooLong;
      }
      chunks.push(chunk);
    }
  } catch (error) {
    return lost(describe(error));
  }
  const { statusCode = 0, headers } = response;
  const plain = await decompress(Buffer.concat(chunks), headers['content-encoding'], mostBytes);
  switch (plain.kind) {
    case 'plain':
      return { kind: 'response', status: statusCode, headers, body: plain.body };
    case 'cut-short':
      return lost('the compressed response ends too early');
    case 'too-long':
      return tooLong;
    case 'unreadable':
      return plain;
  }
}

export function lost(message: string, wasReused = false): Extract<HttpOutcome, { kind: 'lost' }> {
  return { kind: 'lost', message, wasReused };
}

function isReset(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ECONNRESET' || error.code === 'EPIPE')
  );
}

/** Where every address of a host refuses, Node's error has no message of its own. */
export function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  return messageOf(error);
}
