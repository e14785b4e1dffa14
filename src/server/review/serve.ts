/** The review pages on an address, from their start to their graceful end. */
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { fail, messageOf } from '../../core/errors.ts';
import type { RatingWriter } from '../../eval/review/ratings.ts';
import type { OpenedReview } from '../../eval/review/review-folder.ts';
import { onAbort } from '../../judge/abort.ts';
import type { Clock } from '../../judge/clock.ts';
import { isLoopback } from '../reward/access.ts';

type ServeOptions = {
  readonly app: Pick<Hono, 'fetch'>;
  readonly writer: RatingWriter;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly clock: Clock;
  readonly onListening: (url: string) => void;
};

/** Milliseconds that requests under way are given to end; browsers also hold connections they never use. */
const partingMs = 1000;

/** @throws MedixError 'config' where others could reach a review that is not for them. */
export function requireAllowedHost(host: string, { review }: OpenedReview): void {
  if (!review.isRestricted || isLoopback(host)) return;
  fail('config', {
    where: `--host ${host}`,
    expected: 'an address of this machine only, since the review holds data that is not public',
    got: 'an address that others can reach',
    next: 'leave --host out',
  });
}

/**
 * Listens until `signal` aborts, then takes no more requests and resolves when every answer that was sent
 * is written.
 * @throws MedixError 'config' where the address cannot be had.
 */
export async function serveReview(
  { app, writer, host, port, clock, onListening }: ServeOptions,
  signal: AbortSignal,
): Promise<void> {
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  }).catch((error) =>
    fail(
      'config',
      {
        where: `--host ${host}, --port ${port}`,
        expected: 'an address this machine can listen on',
        got: messageOf(error),
        next: 'choose another host or port',
      },
      error,
    ),
  );
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
  await writer.settle();
  await clock.sleep(partingMs, parting.signal);
  if ('closeAllConnections' in server) server.closeAllConnections();
  await closed;
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
