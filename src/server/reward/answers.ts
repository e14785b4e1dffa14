/** What a scoring route answers, and how a body that does not fit is refused. */
import type { Hook, z } from '@hono/zod-openapi';
import type { Env } from 'hono';
import { messageOf } from '../../core/errors.ts';
import { refusalSchema, refuse } from './refusal.ts';

const refusal = (description: string) => ({
  description,
  content: { 'application/json': { schema: refusalSchema } },
});

const refusals = {
  400: refusal('The body does not have this form'),
  401: refusal('The token is missing or wrong'),
  413: refusal('The body is too large'),
  415: refusal('The body is not JSON, or is compressed'),
  422: refusal('An item is malformed, and this protocol has no result for it'),
  429: refusal('The service holds as many items or bytes as it can take; repeat after Retry-After'),
  503: refusal(
    'The service is stopping, or an item has no reward and this protocol can only return numbers; repeat after Retry-After',
  ),
};

/** Responses of a route that answers with `reply`. */
export function answers<Reply extends z.ZodType>(reply: Reply) {
  return {
    200: { description: 'Rewards', content: { 'application/json': { schema: reply } } },
    ...refusals,
  };
}

/** @returns the body a JSON route expects. */
export function jsonBody<Body extends z.ZodType>(schema: Body) {
  return { required: true, content: { 'application/json': { schema } } } as const;
}

/** Answers 400 with the first of what is wrong with a body or a query. */
export const refuseMisfit: Hook<unknown, Env, string, unknown> = (result, c) => {
  if (result.success) return undefined;
  return refuse(c, 400, 'malformed', messageOf(result.error));
};
