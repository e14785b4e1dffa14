/** The service on an address, from its start to its graceful end. */
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { fail, messageOf } from '../../core/errors.ts';
import { onAbort } from '../../judge/abort.ts';
import type { Clock } from '../../judge/clock.ts';
import type { Intake } from './intake.ts';
import type { AppType } from './reward-app.ts';

type ServeOptions = {
  readonly app: Pick<AppType, 'fetch'>;
  readonly intake: Intake;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Milliseconds that open calls are given to end once the signal has aborted. */
  readonly drainMs: number;
  readonly clock: Clock;
  readonly onListening: (url: string) => void;
};

/** Milliseconds that answers already given are left to reach their callers. */
const partingMs = 1000;

/** Trainers come back every iteration; a connection that closes under a request costs them a retry. */
const keepAliveMs = 75_000;

/**
 * Listens until `signal` aborts, then takes no more calls, lets the open ones end and closes.
 * @returns how many calls were cancelled since they took longer than `drainMs`.
 * @throws MedixError 'config' where the address cannot be had.
 */
export async function serveRewards(options: ServeOptions, signal: AbortSignal): Promise<number> {
  const { app, intake, host, port, drainMs, clock, onListening } = options;
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: { keepAliveTimeout: keepAliveMs },
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
  const cancelled = await intake.drain(drainMs, clock);
  await clock.sleep(partingMs, parting.signal);
  if ('closeAllConnections' in server) server.closeAllConnections();
  await closed;
  return cancelled;
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
