/** Query strings and bodies by their schema, refused in words. */
import type { Env, MiddlewareHandler } from 'hono';
import type { ZodType, z } from 'zod';
import type { Failure } from './wire.ts';

/** In an address everything is text, and everything may be left out. */
type Asked<Schema extends ZodType> = { [Name in keyof z.input<Schema>]?: string };

/** Reads the query string; what does not fit is answered by 400 and {@link Failure}. */
export function queryBy<Schema extends ZodType, E extends Env, P extends string>(
  schema: Schema,
): MiddlewareHandler<E, P, { in: { query: Asked<Schema> }; out: { query: z.output<Schema> } }> {
  return async (c, next) => {
    const read = schema.safeParse(c.req.query());
    if (!read.success) return c.json(failureOf(read.error), 400);
    c.req.addValidatedData('query', read.data as object);
    return next();
  };
}

/** Reads a body of JSON likewise. */
export function bodyBy<Schema extends ZodType, E extends Env, P extends string>(
  schema: Schema,
): MiddlewareHandler<E, P, { in: { json: z.input<Schema> }; out: { json: z.output<Schema> } }> {
  return async (c, next) => {
    const read = schema.safeParse(await c.req.json().catch(() => undefined));
    if (!read.success) return c.json(failureOf(read.error), 400);
    c.req.addValidatedData('json', read.data as object);
    return next();
  };
}

function failureOf({ issues }: z.ZodError): Failure {
  const [issue] = issues;
  const where = issue?.path.join('.') ?? '';
  const error = `${where === '' ? '' : `${where}: `}${issue?.message ?? 'not understood'}`;
  return { error, next: 'correct what was sent' };
}
