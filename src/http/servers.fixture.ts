/** Test support: misbehaving servers and a client of them, closed after each test. */
import { afterEach, expect } from 'vitest';
import { z } from 'zod';
import type { Clock } from '../core/async/clock.ts';
import { createTestClock } from '../core/async/test-clock.fixture.ts';
import { rngFromKey } from '../core/rng.ts';
import { connectServers, type Servers } from './connect-servers.ts';
import { createLedger, type Ledger } from './ledger.ts';
import {
  type Behaviour,
  type MisbehavingServer,
  type ServerCall,
  startMisbehavingServer,
} from './misbehaving-server.fixture.ts';
import type { ServersOptions } from './servers-options.ts';

export const never: AbortSignal = new AbortController().signal;
export const deadlineMs = 200_000;

/** To be called once in a test file, outside of its tests. */
export function useServers() {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  const server = async (
    script?: (call: ServerCall) => Behaviour | undefined,
  ): Promise<MisbehavingServer> => {
    const started = await startMisbehavingServer(script);
    closing.push(started.stop);
    return started;
  };

  const connect = (
    to: readonly (MisbehavingServer | string)[],
    options: Partial<ServersOptions> = {},
    parts: { readonly clock?: Clock; readonly ledger?: Ledger } = {},
  ): Servers => {
    const servers = connectServers(
      {
        url: to.map((one) => (typeof one === 'string' ? one : one.url)),
        concurrency: 4,
        deadlineMs,
        attempts: 3,
        ...options,
      },
      {
        rng: rngFromKey('test'),
        clock: parts.clock ?? createTestClock(deadlineMs),
        ledger: parts.ledger ?? createLedger(),
        use: 'judge',
      },
    );
    closing.push(servers.close);
    return servers;
  };

  return { server, connect };
}

export const question = {
  method: 'POST' as const,
  path: 'chat/completions',
  body: () => JSON.stringify({ messages: [] }),
  response: z.object({ choices: z.array(z.unknown()) }),
};

/** The question of a row, told from the others by its number. */
export function questionOf(row: number) {
  return { ...question, body: () => JSON.stringify({ row, messages: [] }) };
}

export const answered = { kind: 'answered' };

export const failed = (cause: string, message: RegExp) => ({
  kind: 'failed',
  outcome: { kind: 'unscored', cause, message: expect.stringMatching(message) },
});
