/** Answers to requests that get no rewards: one body for all of them, `{error: {cause, message}}`. */
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';

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
