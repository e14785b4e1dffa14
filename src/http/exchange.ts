/**
 * One HTTP request and its whole response, over kept-alive connections of one server. It knows nothing
 * about retries or JSON. Redirects are not followed, so that a key never travels to another address.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { onAbort } from '../core/async/abort.ts';
import { messageOf } from '../core/errors.ts';
import type { ServerAddress } from './address.ts';

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
  /** No whole response came: no connection, connection cut, or aborted. */
  | { readonly kind: 'lost'; readonly message: string }
  /** The response is longer than any answer, or packed in a way that is not known; the rest was not read. */
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

  const respond = async (request: HttpRequest, signal: AbortSignal): Promise<IncomingMessage> => {
    for (;;) {
      const sent = send(request);
      // Not taken back: destroying a request that is done does nothing, and the signal is this exchange's.
      onAbort(signal, () => sent.destroy());
      try {
        return await responseOf(sent);
      } catch (error) {
        // A kept-alive connection that the server closed just now says nothing about this request.
        if (!sent.reusedSocket || !isReset(error) || signal.aborted) throw error;
      }
    }
  };

  const exchange = async (request: HttpRequest, signal: AbortSignal): Promise<HttpOutcome> => {
    if (signal.aborted) return { kind: 'lost', message: 'aborted' };
    try {
      return await readWhole(await respond(request, signal));
    } catch (error) {
      return { kind: 'lost', message: describe(error) };
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

/** Some servers and gateways compress though they were asked not to. */
const unpackers: Readonly<Record<string, () => Duplex>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

async function readWhole(response: IncomingMessage): Promise<HttpOutcome> {
  const { statusCode = 0, headers } = response;
  const encoding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const unpack = unpackers[encoding];
  if (unpack === undefined && encoding !== 'identity' && encoding !== '') {
    response.destroy();
    return { kind: 'unreadable', message: `the response is compressed (${encoding.slice(0, 40)})` };
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of unpack === undefined ? response : unpacked(response, unpack())) {
    length += chunk.length;
    if (length > longestBodyBytes) {
      response.destroy();
      return {
        kind: 'unreadable',
        message: `the response is longer than ${longestBodyBytes} bytes`,
      };
    }
    chunks.push(chunk);
  }
  return { kind: 'response', status: statusCode, headers, body: Buffer.concat(chunks) };
}

/** Fails as a cut connection does where the packed bytes end too early. */
function unpacked(response: IncomingMessage, unpacker: Duplex): Duplex {
  response.on('error', (error) => unpacker.destroy(error));
  return response.pipe(unpacker);
}

function isReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
}

/** Where every address of a host refuses, Node's error has no message of its own. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  return messageOf(error);
}
