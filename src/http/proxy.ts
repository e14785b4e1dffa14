/** Requests through a proxy, as the usual environment variables name it: CONNECT for https, whole addresses for http. */
import { Agent as HttpAgent, type RequestOptions, request } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type ConnectionOptions, connect } from 'node:tls';
import type { Proxies } from '../config/environment.ts';

/** The proxy that a request goes through; undefined where it goes to its server itself. */
export function proxyFor(url: URL, { http, https, none = '' }: Proxies): URL | undefined {
  const proxy = url.protocol === 'https:' ? https : http;
  if (proxy === undefined || isExempt(url, none)) return undefined;
  return new URL(proxy);
}

/** `host`, `.host` and `*.host` stand for a host and all below it, `host:port` for one port, `*` for every host. */
function isExempt({ hostname, port, protocol }: URL, none: string): boolean {
  const actualPort = port || (protocol === 'https:' ? '443' : '80');
  return none.split(/[\s,]+/).some((entry) => {
    if (entry === '*') return true;
    const [, host = '', only] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    if (host === '' || (only !== undefined && only !== actualPort)) return false;
    return hostname === host || hostname.endsWith(`.${host}`);
  });
}

/** What a request to an http:// address takes so that it goes through a proxy. */
export function throughProxy(url: URL, proxy: URL): RequestOptions {
  return {
    hostname: proxy.hostname,
    port: portOf(proxy),
    path: url.href,
    headers: { host: url.host, ...authorizationOf(proxy) },
  };
}

/** An agent whose TLS connections go through a tunnel of the proxy, which sees neither path nor token. */
export function tunnelAgent(proxy: URL): HttpsAgent {
  const agent = new HttpsAgent({ keepAlive: true });
  const connecting = new HttpAgent();
  type Connected = (error: Error | null, socket?: ReturnType<typeof connect>) => void;
  return Object.assign(agent, {
    createConnection: (options: ConnectionOptions, done: Connected) => {
      const target = `${options.host}:${options.port}`;
      const asked = request({
        agent: connecting,
        hostname: proxy.hostname,
        port: portOf(proxy),
        method: 'CONNECT',
        path: target,
        headers: { host: target, ...authorizationOf(proxy) },
      });
      asked.on('connect', ({ statusCode }, socket) => {
        if (statusCode === 200) {
          const servername = options.servername ?? options.host ?? '';
          done(null, connect({ ...options, socket, servername }));
          return;
        }
        socket.destroy();
        done(new Error(`the proxy ${proxy.host} answered ${statusCode} when asked for ${target}`));
      });
      asked.on('error', (error) => done(new Error(`the proxy ${proxy.host}: ${error.message}`)));
      asked.end();
    },
  });
}

function portOf({ port }: URL): string {
  return port || '80';
}

function authorizationOf({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '') return {};
  const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(secret).toString('base64')}` };
}
