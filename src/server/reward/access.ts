/**
 * Who may ask. With a token every request must carry it, as `Authorization: Bearer TOKEN` or as the
 * password of basic authorization: OpenRLHF and slime send no headers of their own, but their HTTP client
 * makes one of `http://medix:TOKEN@host:8090/rm`. On a loopback address the request must also name such an
 * address as its host.
 */
import type { MiddlewareHandler } from 'hono';
import { fail } from '../../core/errors.ts';
import { isLoopback } from '../../core/loopback.ts';
import { namesItsHost } from '../local-host.ts';
import { tokenMatcher } from '../token.ts';
import { refuse } from './refusal.ts';

/** @throws MedixError 'config' when others could reach the address without a token. */
export function requireToken(host: string, token: string | undefined): void {
  if (token !== undefined || isLoopback(host)) return;
  fail('config', {
    where: `host ${host}`,
    expected:
      'a token in the environment variable MEDIX_REWARD_TOKEN, since other machines can reach it',
    got: 'none',
    next: 'export MEDIX_REWARD_TOKEN here and at the trainer, or listen on 127.0.0.1',
  });
}

/** @param host address the service listens on. */
export function guardAccess(host: string, token: string | undefined): MiddlewareHandler {
  const isExpected = token === undefined ? undefined : tokenMatcher(token);
  return async (c, next) => {
    if (!namesItsHost(c, host)) {
      return refuse(c, 403, 'forbidden', 'the Host header names another host');
    }
    const given = presentedToken(c.req.header('authorization'));
    if (isExpected && !isExpected(given)) {
      c.header('WWW-Authenticate', 'Bearer');
      return refuse(c, 401, 'unauthorized', 'the token is missing or wrong');
    }
    return next();
  };
}

function presentedToken(header: string | undefined): string | undefined {
  const [, scheme = '', value = ''] = /^(\S+) +(.+)$/.exec(header ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const credentials = Buffer.from(value, 'base64').toString();
  const colon = credentials.indexOf(':');
  return colon < 0 ? undefined : credentials.slice(colon + 1);
}
