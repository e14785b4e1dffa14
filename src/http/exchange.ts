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

  const send = ({ method, path, body }: HttpRequest): ClientRequest => {
    const request = (isSecure ? requestHttps : requestHttp)(address.urlOf(path), {
      method,
      agent,
      headers: {
        ...headers,
        ...(body === undefined
          ? {}
          : {
              'content-type': 'application/json',
              'content-length': Buffer.byteLength(body),
            }),
      },
    });
    request.end(body);
    return request;
  };

  const exchange = async (request: HttpRequest, signal: AbortSignal): Promise<HttpOutcome> => {
    if (signal.aborted) return lost('aborted');
    const sent = send(request);
    // Not taken back: destroying a request that is done does nothing, and the signal is this exchange's.
    onAbort(signal, () => sent.destroy());
    let response: IncomingMessage;
    try {
      response = await responseOf(sent);
    } catch (error) {
      return lost(describe(error), sent.reusedSocket && isReset(error));
    }
    try {
      return await readWhole(response);
    } catch (error) {
      return lost(describe(error));
    }
  };

  return { address, exchange, close: () => agent.destroy() };
}

function responseOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
  });
}

async function readWhole(response: IncomingMessage): Promise<HttpOutcome> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += chunk.length;
    if (length > longestBodyBytes) {
      response.destroy();
      return tooLong;
    }
    chunks.push(chunk);
  }
  const { statusCode = 0, headers } = response;
  const plain = await decompress(
    Buffer.concat(chunks),
    headers['content-encoding'],
    longestBodyBytes,
  );
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

const tooLong: HttpOutcome = {
  kind: 'unreadable',
  message: `the response is longer than ${longestBodyBytes} bytes`,
};

function lost(message: string, wasReused = false): HttpOutcome {
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
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  return messageOf(error);
}
