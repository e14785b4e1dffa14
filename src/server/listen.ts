/** A service on an address, from its start to its graceful end. */
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { onAbort } from '../core/async/abort.ts';
import type { Clock } from '../core/async/clock.ts';
import { fail, messageOf } from '../core/errors.ts';

export type ListenOptions = {
  readonly app: Pick<Parameters<typeof createAdaptorServer>[0], 'fetch'>;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Milliseconds that an idle connection is kept; left out, as long as Node keeps it. */
  readonly keepAliveMs?: number;
  readonly clock: Clock;
  readonly onListening: (url: string) => void;
};

/** Milliseconds that answers already given are left to reach their callers; some hold connections they never use. */
const partingMs = 1000;

/**
 * Listens until `signal` aborts, then takes no more requests, waits for `drain` and closes.
 * @returns what `drain` came to.
 * @throws MedixError 'config' where the address cannot be had.
 */
export async function listenUntilAborted<T>(
  { app, host, port, keepAliveMs, clock, onListening }: ListenOptions,
  drain: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    ...(keepAliveMs === undefined ? {} : { serverOptions: { keepAliveTimeout: keepAliveMs } }),
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  }).catch((error) => addressTaken(host, port, error));
  onListening(urlOf(server.address() as AddressInfo));

  await new Promise<void>((resolve) => {
    onAbort(signal, resolve);
  });
  const parting = new AbortController();
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      parting.abort();
      resolve();
    });
  });
  const drained = await drain();
  await clock.sleep(partingMs, parting.signal);
  if ('closeAllConnections' in server) server.closeAllConnections();
  await closed;
  return drained;
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

function addressTaken(host: string, port: number, error: unknown): never {
  return fail(
    'config',
    {
      where: `host ${host}, port ${port}`,
      expected: 'an address this machine can listen on',
      got: messageOf(error),
      next: 'choose another host or port',
    },
    error,
  );
}
