/** What the parts of a client share: the way to the server, and the numbers under which the server knows requests. */
import { z } from 'zod';
import type { Clock } from '../core/async/clock.ts';
import type { Limiter } from '../core/async/limiter.ts';
import type { Codec } from './codec.ts';
import {
  type FutureRequest,
  isPositive,
  type Outcome,
  readJson,
  refusal,
  requireDone,
  settle,
} from './futures.ts';
import { json, type Reply, type Transport } from './transport.ts';

/** What a server says of itself, with the defaults for those that say nothing. */
export type ServerFlags = {
  /** Whether it says anything; servers that do not are older than protobuf. */
  readonly speaks: boolean;
  readonly maxChunkLength: number;
  readonly maxChunkBytes: number;
  readonly maxConcurrentSamples: number;
  readonly compresses: boolean;
};

export type Session = {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly id: string;
  readonly flags: ServerFlags;
  /** Changed once, by a server that refuses the first request with data as it is written. */
  readonly writing: { codec: Codec; isSettled: boolean };
  /** Places for samples in flight. */
  readonly samples: Limiter;
  /** Numbers given out so far. */
  readonly given: { models: number; samplers: number };
};

/** For calls that nobody ends. */
export const never: AbortSignal = new AbortController().signal;

/** Of `client/config`; what is not said has the official client's default. */
export const serverFlagsSchema = z
  .looseObject({
    fwdbwd_max_chunk_len: z.int().positive().default(1024),
    fwdbwd_max_chunk_bytes_count: z.int().positive().default(5_000_000),
    sample_max_concurrent_requests: z.int().positive().default(2000),
    proto_compress_fwdbwd: z.boolean().optional(),
  })
  .transform(
    (said): ServerFlags => ({
      speaks: true,
      maxChunkLength: said.fwdbwd_max_chunk_len,
      maxChunkBytes: said.fwdbwd_max_chunk_bytes_count,
      maxConcurrentSamples: said.sample_max_concurrent_requests,
      compresses: said.proto_compress_fwdbwd ?? false,
    }),
  );

/** A call that is answered at once. @throws MedixError 'engine' where it is refused or answered otherwise */
export async function ask<T>(
  { transport }: Pick<Session, 'transport'>,
  path: string,
  body: object | undefined,
  schema: z.ZodType<T>,
  expected: string,
  signal: AbortSignal,
): Promise<T> {
  const options = body === undefined ? ({ method: 'GET' } as const) : { payload: json(body) };
  const reply = await transport.call(path, options, signal);
  const where = `${transport.server}: ${path}`;
  if (!isPositive(reply)) return requireDone(refusal(reply), { where, expected });
  return readJson(reply, schema, transport.server, path);
}

/** A call that is answered later. */
export function promiseOf<T>(
  { transport, clock }: Session,
  request: FutureRequest<T>,
  signal: AbortSignal,
): Promise<Outcome<T>> {
  return settle(request, transport, clock, signal);
}

/** Reads a result that is JSON. */
export function readingJson<T>(
  { transport }: Session,
  path: string,
  schema: z.ZodType<T>,
): (reply: Reply) => T {
  return (reply) => readJson(reply, schema, transport.server, path);
}
