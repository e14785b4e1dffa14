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
      const read = await readText(body, take);
      if (read.kind === 'fault') return await refuse(c, read.fault);
      // hono keeps a promise here, and reads both text and JSON from it.
      Object.assign(c.req.bodyCache, { text: Promise.resolve(read.text) });
      // Counted until the answer is there, since the text is held until then.
      return await next();
    } finally {
      held -= own;
    }
  };
}

type Read =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'fault'; readonly fault: BodyFault };

/** The bytes are let go of with this call: a large body would otherwise be there twice. */
async function readText(
  body: ReadableStream<Uint8Array>,
  take: (bytes: number) => BodyFault | undefined,
): Promise<Read> {
  // Not `for await`: leaving that loop cancels the stream, and with it the connection for the refusal.
  const reader = body.getReader();
  let buffer: Buffer = Buffer.alloc(firstBytes);
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const fault = take(value.byteLength);
      if (fault !== undefined) return { kind: 'fault', fault };
      const whole = length + value.byteLength;
      if (whole > buffer.length) buffer = grown(buffer, Math.max(whole, 2 * buffer.length));
      buffer.set(value, length);
      length = whole;
    }
  } catch {
    return { kind: 'fault', fault: 'cut-short' };
  }
  const bytes = buffer.subarray(0, length);
  if (!isUtf8(bytes)) return { kind: 'fault', fault: 'no-utf8' };
  // Some programs begin a text with a byte order mark, which is no part of it.
  return { kind: 'text', text: bytes.toString('utf8').replace(/^\uFEFF/, '') };
}

const firstBytes = 16 * 1024;

function grown(buffer: Buffer, size: number): Buffer {
  const larger = Buffer.alloc(size);
  buffer.copy(larger);
  return larger;
}
