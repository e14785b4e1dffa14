/** Answers to requests that get no rewards: one body for all of them, `{error: {cause, message}}`. */
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { BodyFault } from '../request-body.ts';

export const refusalSchema = z
  .object({
    error: z.object({
      cause: z.string().describe('Short and stable, e.g. "busy"'),
      message: z.string().describe('Explanation for people'),
    }),
  })
  .openapi('Refusal');

/** Status codes a trainer may repeat after the seconds of `Retry-After`. */
const retryAfterSeconds: Readonly<Record<number, string>> = { 429: '1', 503: '5' };

export function refuse<Status extends 400 | 401 | 403 | 404 | 413 | 415 | 422 | 429 | 500 | 503>(
  c: Context,
  status: Status,
  cause: string,
  message: string,
) {
  const retryAfter = retryAfterSeconds[status];
  if (retryAfter !== undefined) c.header('Retry-After', retryAfter);
  return c.json({ error: { cause, message } }, status);
}

export function refuseBody(c: Context, fault: BodyFault, bodyBytes: number) {
  switch (fault) {
    case 'too-large':
      return refuse(c, 413, 'too-large', `bodies have at most ${bodyBytes} bytes`);
    case 'busy':
      return refuse(c, 429, 'busy', 'the bodies of other requests take all the room there is');
    case 'cut-short':
      return refuse(c, 400, 'malformed', 'the body ended before it was whole');
    case 'compressed':
      return refuse(c, 415, 'malformed', 'the body is compressed; send it as it is');
    case 'no-utf8':
      return refuse(c, 400, 'malformed', 'the body is no UTF-8');
  }
}
