/**
 * The body of a request, read before anything looks at it: whole, bounded by itself and together with the
 * bodies of all other requests, and text. Routes take it from `c.req` as usual.
 */
import { isUtf8 } from 'node:buffer';
import type { Context, MiddlewareHandler } from 'hono';

export type BodyLimits = {
  /** Bytes of one body at most. */
  readonly bodyBytes: number;
  /** Bytes of the bodies of all requests that are not answered yet. */
  readonly bytesAtOnce: number;
};

/** Why a body is not taken. */
export type BodyFault =
  | 'too-large'
  /** Other requests hold as much as there may be; later it may be taken. */
  | 'busy'
  | 'cut-short'
  | 'compressed'
  | 'no-utf8';

/** @param refuse answers a request whose body is not taken; what is left of it is not read */
export function readBodies(
  { bodyBytes, bytesAtOnce }: BodyLimits,
  refuse: (c: Context, fault: BodyFault) => Response | Promise<Response>,
): MiddlewareHandler {
  let held = 0;
  return async (c, next) => {
    const { body } = c.req.raw;
    if (body === null) return next();
    const encoding = c.req.header('content-encoding') ?? 'identity';
    if (encoding.toLowerCase() !== 'identity') return refuse(c, 'compressed');
    if (Number(c.req.header('content-length')) > bodyBytes) return refuse(c, 'too-large');
    let own = 0;
    const take = (bytes: number): BodyFault | undefined => {
      own += bytes;
      held += bytes;
      if (own > bodyBytes) return 'too-large';
      return held > bytesAtOnce ? 'busy' : undefined;
    };
    try {
      const read = await readWhole(body, take);
      if (typeof read === 'string') return await refuse(c, read);
      if (!isUtf8(read)) return await refuse(c, 'no-utf8');
      // Some programs begin a text with a byte order mark, which is no part of it.
      const text = read.toString('utf8').replace(/^\uFEFF/, '');
      // hono keeps a promise here, and reads both text and JSON from it.
      Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
      // Counted until the answer is there, since the text is held until then.
      return await next();
    } finally {
      held -= own;
    }
  };
}

async function readWhole(
  body: ReadableStream<Uint8Array>,
  take: (bytes: number) => BodyFault | undefined,
): Promise<Buffer | BodyFault> {
  // Not `for await`: leaving that loop cancels the stream, and with it the connection for the refusal.
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return Buffer.concat(chunks);
      const fault = take(value.byteLength);
      if (fault !== undefined) return fault;
      chunks.push(value);
    }
  } catch {
    return 'cut-short';
  }
}
