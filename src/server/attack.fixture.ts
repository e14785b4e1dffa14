/** Test support: a service on loopback, and what no well-behaved client would send to it. */
import { connect } from 'node:net';
import { afterEach } from 'vitest';
import { createTestClock } from '../core/async/test-clock.fixture.ts';
import { type ListenOptions, listenUntilAborted } from './listen.ts';

export type Target = {
  readonly url: string;
  /** As a request names it: `127.0.0.1:8090`. */
  readonly host: string;
  /** Writes the bytes as they are and returns the first response that comes back. */
  send(...bytes: readonly Bytes[]): Promise<Answer>;
  /** The same, but nothing more will come from this side. */
  hangUp(...bytes: readonly Bytes[]): Promise<Answer>;
};

type Bytes = string | Uint8Array;

type Answer = {
  /** Of the first response; undefined where none came. */
  readonly status: number | undefined;
  readonly text: string;
};

/** To be called once in a test file, outside of its tests. */
export function useTarget() {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  return async (app: ListenOptions['app']): Promise<Target> => {
    const stop = new AbortController();
    const listening = { app, host: '127.0.0.1', port: 0, clock: createTestClock(1e6) };
    let ended: Promise<unknown> | undefined;
    const url = await new Promise<string>((resolve, reject) => {
      ended = listenUntilAborted(
        { ...listening, onListening: resolve },
        async () => {},
        stop.signal,
      );
      ended.catch(reject);
    });
    stops.push(() => {
      stop.abort();
      return ended ?? Promise.resolve();
    });
    const { host, port } = new URL(url);
    return {
      url,
      host,
      send: (...bytes) => send(Number(port), bytes, false),
      hangUp: (...bytes) => send(Number(port), bytes, true),
    };
  };
}

function send(port: number, bytes: readonly Bytes[], hangsUp: boolean): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (more) => {
      text += more;
      if (isWhole(text)) socket.destroy();
    });
    // A service may close while it is still being sent to.
    socket.on('error', () => {});
    socket.on('close', () => {
      const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(text) ?? [];
      resolve({ status: status === undefined ? undefined : Number(status), text });
    });
    for (const some of bytes) socket.write(some);
    if (hangsUp) socket.end();
  });
}

function isWhole(text: string): boolean {
  const [head = '', body] = text.split(/\r\n\r\n(.*)/s);
  if (body === undefined) return false;
  const [, length] = /^content-length: (\d+)/im.exec(head) ?? [];
  return length === undefined
    ? body.endsWith('0\r\n\r\n')
    : Buffer.byteLength(body) >= Number(length);
}

/** A request in pieces, as HTTP/1.1 sends a body whose length is not known before. */
export function chunked(body: string | Uint8Array, size: number): Uint8Array {
  const bytes = Buffer.from(body);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}

/** The head of a request. */
export function head(line: string, headers: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** Requests that are refused whatever they ask a service for: their name, their bytes, the answers allowed. */
export function brokenRequests(
  host: string,
): readonly (readonly [name: string, bytes: string, statuses: readonly number[]])[] {
  const get = (path: string) => head(`GET ${path}`, { Host: host });
  const long = 'x'.repeat(100_000);
  return [
    ['no request at all', 'EHLO mail.example\r\n\r\n', [400]],
    ['bytes of another protocol', '\u0016\u0003\u0001\u0002\r\n\r\n', [400]],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', [400]],
    ['a foreign Host', head('GET /', { Host: 'evil.example' }), [403]],
    ['a Host that begins like ours', head('GET /', { Host: '127.0.0.1.evil.example' }), [403]],
    ['a Host that is none', head('GET /', { Host: 'a b' }), [400]],
    ['an address of elsewhere', head('GET http://evil.example/', { Host: host }), [403, 404]],
    ['a very long address', get(`/${long}`), [414, 431]],
    ['a very long header', head('GET /', { Host: host, Cookie: long }), [431]],
    [
      'very many headers',
      `GET / HTTP/1.1\r\nHost: ${host}\r\n${'A: b\r\n'.repeat(5000)}\r\n`,
      [404, 431],
    ],
    ['a path out of the folder', get('/../../etc/passwd'), [400, 404]],
    ['an escaped path out of the folder', get('/%2e%2e/%2e%2e/etc/passwd'), [400, 404]],
    ['a path with backslashes', get('/..\\..\\etc\\passwd'), [400, 404]],
    ['a path with NUL', get('/%00'), [400, 404]],
    ['a path with broken escapes', get('/%ff%zz%'), [400, 404]],
    ['an unknown method', head('BREW /', { Host: host }), [400, 404, 405]],
    ['TRACE', head('TRACE /', { Host: host }), [400, 404, 405]],
    ['a preflight', head('OPTIONS /', { Host: host, Origin: 'https://evil.example' }), [403, 404]],
  ];
}
