/** `medix view` as a service, by itself or beside a training. */
import { randomBytes } from 'node:crypto';
import type { Clock, WallClock } from '../../core/async/clock.ts';
import { listenUntilAborted } from '../listen.ts';
import { openLiveData } from './live-data.ts';
import { readPageFiles } from './page-files.ts';
import { createViewApp } from './view-app.ts';

export type ServeViewOptions = {
  readonly folders: readonly string[];
  /** 0 takes any free one. */
  readonly port: number;
  readonly clock: Clock;
  readonly wallClock: WallClock;
  /** @param link holds the token: for the one who started this alone. */
  readonly onListening: (link: string) => void;
  readonly onFailure: (error: unknown) => void;
};

const host = '127.0.0.1';

/**
 * Serves until `signal` aborts.
 * @throws MedixError 'run' where the page was not built, 'config' where the port cannot be had
 */
export async function serveView(options: ServeViewOptions, signal: AbortSignal): Promise<void> {
  const { folders, port, clock, wallClock, onListening, onFailure } = options;
  const page = await readPageFiles();
  const data = openLiveData(folders, wallClock);
  const token = randomBytes(24).toString('base64url');
  const app = createViewApp({ data, host, token, page, onFailure });
  const told = (url: string) => onListening(`${url}/?token=${token}`);
  await listenUntilAborted(
    { app, host, port, clock, onListening: told },
    async () => data.close(),
    signal,
  );
}
