/** A request that follows redirects. What is not of the first origin never sees the token. */
import { Agent as HttpAgent, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Proxies } from '../config/environment.ts';
import { begin, type HttpOutcome } from './exchange.ts';
import { proxyFor, throughProxy, tunnelAgent } from './proxy.ts';

type Followed =
  /** The head of a response that is no redirect. */
  | { readonly kind: 'begun'; readonly response: IncomingMessage }
  | Extract<HttpOutcome, { kind: 'lost' }>
  | { readonly kind: 'astray'; readonly message: string };

type Headers = Readonly<Record<string, string>>;

export type Requests = {
  /** Never rejects. */
  get(url: URL, headers: Headers, signal: AbortSignal): Promise<Followed>;
  /** Closes the kept-alive connections. */
  close(): void;
};

const mostRedirects = 5;

/** @param proxies through which requests go. @default none */
export function openRequests(token: string | undefined, proxies: Proxies = {}): Requests {
  const http = new HttpAgent({ keepAlive: true });
  const https = new HttpsAgent({ keepAlive: true });
  const tunnels = proxies.https === undefined ? undefined : tunnelAgent(new URL(proxies.https));
  const wayTo = (url: URL): RequestOptions => {
    const proxy = proxyFor(url, proxies);
    if (url.protocol === 'https:') return { agent: proxy && tunnels ? tunnels : https };
    return { agent: http, ...(proxy ? throughProxy(url, proxy) : {}) };
  };
  const usual = { 'accept-encoding': 'identity', 'user-agent': 'medix-r1' };
  const secret: Headers = token === undefined ? {} : { authorization: `Bearer ${token}` };

  const follow = async (
    url: URL,
    headers: Headers,
    signal: AbortSignal,
    hops: number,
  ): Promise<Followed> => {
    const way = wayTo(url);
    const begun = await begin(url, { ...way, headers: { ...headers, ...way.headers } }, signal);
    if (begun.kind === 'lost') return begun;
    const location = locationOf(begun.response);
    if (location === undefined) return begun;
    begun.response.destroy();
    const next = nextUrl(url, location);
    if (next === undefined) return notTaken;
    if (hops === mostRedirects) return tooMany;
    // Not given back either, where a way leads out and in again.
    const { authorization, ...harmless } = headers;
    return follow(next, next.origin === url.origin ? headers : harmless, signal, hops + 1);
  };

  return {
    get: (url, headers, signal) => follow(url, { ...usual, ...headers, ...secret }, signal, 0),
    close: () => {
      http.destroy();
      https.destroy();
      tunnels?.destroy();
    },
  };
}

const tooMany = { kind: 'astray', message: `more than ${mostRedirects} redirects` } as const;

const notTaken = {
  kind: 'astray',
  message: 'a redirect to an address that is not http(s), or is not encrypted where the first was',
} as const;

function locationOf({ statusCode = 0, headers }: IncomingMessage): string | undefined {
  return statusCode >= 300 && statusCode <= 399 ? headers.location : undefined;
}

/** Undefined where it must not be followed. */
function nextUrl(from: URL, location: string): URL | undefined {
  if (!URL.canParse(location, from.href)) return undefined;
  const to = new URL(location, from);
  if (to.protocol === 'https:') return to;
  return to.protocol === 'http:' && from.protocol === 'http:' ? to : undefined;
}
