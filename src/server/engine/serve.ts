/** The engine service from its start to its end. */
import { systemClock } from '../../core/async/clock.ts';
import { fail } from '../../core/errors.ts';
import { isLoopback } from '../../core/loopback.ts';
import { listenUntilAborted } from '../listen.ts';
import { createEngineApp } from './engine-app.ts';
import { type EngineServiceOptions, openEngineService } from './engine-service.ts';

export type ServeEngineOptions = Omit<EngineServiceOptions, 'clock' | 'wallClock'> & {
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** @default 0, any free one */
  readonly port?: number;
  /** What clients show as X-API-Key. */
  readonly token?: string;
  /** Bytes of a body at most. @default 64 MiB */
  readonly bodyBytes?: number;
  /** How long a question for a result is held, in milliseconds. @default 20,000 */
  readonly holdMs?: number;
  readonly onListening: (url: string) => void;
};

/** Clients come back within this; a connection that closes under a request costs them a retry. */
const keepAliveMs = 75_000;

/**
 * Serves until `signal` aborts. What was taken and not carried out is on disk, and is carried out once the service is
 * started on the same folder.
 * @throws MedixError 'config' where others could reach the address without a token, or it cannot be had
 */
export async function serveEngine(options: ServeEngineOptions, signal: AbortSignal): Promise<void> {
  const { host = '127.0.0.1', port = 0, token, onListening, onDefect = () => {} } = options;
  requireKey(host, token);
  const clock = systemClock;
  const service = await openEngineService({ ...options, clock, wallClock: Date.now });
  try {
    const app = createEngineApp({
      service,
      host,
      token,
      bodyBytes: options.bodyBytes ?? 64 * 2 ** 20,
      holdMs: options.holdMs ?? 20_000,
      clock,
      onDefect,
    });
    const listening = { app, host, port, keepAliveMs, clock, onListening };
    await listenUntilAborted(listening, () => service.close(), signal);
  } catch (error) {
    await service.close();
    throw error;
  }
}

function requireKey(host: string, token: string | undefined): void {
  if (token !== undefined || isLoopback(host)) return;
  fail('config', {
    where: `host ${host}`,
    expected:
      'a key in the environment variable MEDIX_ENGINE_TOKEN, since other machines can reach it',
    got: 'none',
    next: 'export MEDIX_ENGINE_TOKEN here and TINKER_API_KEY at the clients, or listen on 127.0.0.1',
  });
}
