/**
 * Who may look. The printed link carries the token once; the answer to it sets a cookie and leads to the same
 * address without the token, which so stays out of what is copied and of what the browser keeps as history. Programs
 * may send the token as `Authorization: Bearer TOKEN` instead.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { digestOfBytes } from '../../core/digest.ts';
import { namesItsHost } from '../local-host.ts';
import type { Failure } from './wire.ts';

/** @param host address the service listens on */
export function guardView(host: string, token: string): MiddlewareHandler {
  const isToken = (given: string | undefined) =>
    given !== undefined && timingSafeEqual(digest(given), digest(token));
  // Cookies do not know of ports: two servers on one machine must not sign each other out.
  const cookie = `medix-view-${digestOfBytes(token).slice(0, 12)}`;
  const signIn = (c: Context, linked: string) => {
    if (!isToken(linked)) return refuse(c, 'the token in the link is wrong');
    const url = new URL(c.req.url);
    setCookie(c, cookie, token, { httpOnly: true, sameSite: 'Lax', path: '/' });
    url.searchParams.delete('token');
    return c.redirect(`${url.pathname}${url.search}`, 303);
  };
  return async (c, next) => {
    if (!namesItsHost(c, host)) return refuse(c, 'the Host header names another host');
    if (isForeign(c)) return refuse(c, 'the request comes from a page of another site');
    const linked = c.req.query('token');
    if (linked !== undefined && c.req.method === 'GET') return signIn(c, linked);
    const [, bearer] = /^Bearer +(.+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
    if (isToken(getCookie(c, cookie)) || isToken(bearer)) return next();
    return refuse(c, 'the token is missing or wrong');
  };
}

/** A page of another site: it may neither write nor, where browsers say so, read. */
function isForeign(c: Context): boolean {
  const origin = c.req.header('origin');
  if (origin !== undefined) {
    return !URL.canParse(origin) || new URL(origin).host !== c.req.header('host');
  }
  const isApi = new URL(c.req.url).pathname.startsWith('/api/');
  const isWrite = c.req.method !== 'GET' && c.req.method !== 'HEAD';
  const site = c.req.header('sec-fetch-site');
  const isFromElsewhere = site !== undefined && site !== 'same-origin' && site !== 'none';
  return isFromElsewhere && (isApi || isWrite);
}

function refuse(c: Context, error: string): Response {
  const next = 'open exactly the link that `medix view` printed';
  if (new URL(c.req.url).pathname.startsWith('/api/')) {
    return c.json({ error, next } satisfies Failure, 403);
  }
  return c.text(`Not accepted: ${error}. Please ${next}.\n`, 403);
}

/** Comparing digests takes the same time whatever the lengths are. */
function digest(text: string): Buffer {
  return Buffer.from(digestOfBytes(text));
}
