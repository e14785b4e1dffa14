import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createTestClock, type TestClock } from '../core/async/test-clock.fixture.ts';
import type { ServerReply } from './connect-servers.ts';
import { createLedger } from './ledger.ts';
import { behave, held, type MisbehavingServer, status } from './misbehaving-server.fixture.ts';
import {
  answered,
  deadlineMs,
  failed,
  never,
  question,
  questionOf,
  useServers,
} from './servers.fixture.ts';

const { server, connect } = useServers();
const nobody = 'http://127.0.0.1:9/v1';

/** Moves time on, but only while nothing else moves: until every reply is there. */
async function passTime<T>(replies: Promise<T>, one: MisbehavingServer, clock: TestClock) {
  let isDone = false;
  const ended = replies.finally(() => {
    isDone = true;
  });
  for (let quiet = 0, seen = 0; !isDone; quiet++) {
    await nextTurn();
    if (one.calls.length !== seen) [quiet, seen] = [0, one.calls.length];
    if (quiet > 30) {
      clock.advance(1000);
      quiet = 0;
    }
  }
  return ended;
}

const requestsOf = ({ calls }: MisbehavingServer) => {
  const counts = new Map<unknown, number>();
  for (const { body } of calls) counts.set(body['row'], (counts.get(body['row']) ?? 0) + 1);
  return counts;
};

const kinds = (replies: readonly ServerReply<unknown>[]) =>
  replies.map((reply) => (reply.kind === 'answered' ? 'answered' : reply.outcome.cause));

describe('while a server is down', () => {
  it('every one of 2,000 questions behind a hang of five minutes is answered', async () => {
    const clock = createTestClock();
    let hangsFrom: number | undefined;
    const one = await server(({ count }) => {
      if (count > 1_500) hangsFrom ??= clock.now();
      const isHanging = hangsFrom !== undefined && clock.now() < hangsFrom + 300_000;
      return isHanging ? behave.hang : undefined;
    });
    const servers = connect([one], { concurrency: 32, deadlineMs: 60_000, attempts: 4 }, { clock });
    const asked = Array.from({ length: 2_000 }, (_, row) => servers.call(questionOf(row), never));
    const replies = await passTime(Promise.all(asked), one, clock);
    expect(kinds(replies).filter((kind) => kind !== 'answered')).toEqual([]);
    expect(Math.max(...requestsOf(one).values())).toBeLessThanOrEqual(4);
  });

  it('no question fails without having had its attempts, though it never comes back', async () => {
    const clock = createTestClock();
    const one = await server(({ count }) => (count <= 20 ? undefined : behave.hang));
    const options = { concurrency: 8, deadlineMs: 5_000, attempts: 3 };
    const ledger = createLedger();
    const servers = connect([one], options, { clock, ledger });
    const asked = Array.from({ length: 100 }, (_, row) => servers.call(questionOf(row), never));
    const replies = await passTime(Promise.all(asked), one, clock);
    expect(kinds(replies).filter((kind) => kind === 'answered')).toHaveLength(20);
    const requests = requestsOf(one);
    for (const [row, reply] of replies.entries()) {
      expect(requests.get(row)).toBe(reply.kind === 'answered' ? 1 : 3);
      if (reply.kind === 'failed') expect(reply).toMatchObject(failed('timeout', /5000 ms/));
    }
    expect(ledger.summary()['judge']).toMatchObject({ requests: one.calls.length, failed: 240 });
  });

  it('one question tries it after the cool-down; its answer lets all the others go', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isDown = true;
    const one = await server(() => (isDown ? status(503) : held(released)));
    const clock = createTestClock(5_000);
    const servers = connect([one], { concurrency: 8, attempts: 5 }, { clock });
    expect(await servers.call(question, never)).toMatchObject(failed('transport', /503/));
    const { length } = one.calls;
    isDown = false;
    const waiting = [4, 5, 6, 7].map((row) => servers.call(questionOf(row), never));
    await nextTurn();
    expect(one.calls).toHaveLength(length);
    clock.advance(10_000);
    await one.arrived(length + 1);
    await nextTurn();
    expect(one.calls).toHaveLength(length + 1);
    release();
    expect(await Promise.all(waiting)).toMatchObject(waiting.map(() => answered));
  });

  it('a caller who gives up does not wait on', async () => {
    const clock = createTestClock(5_000);
    const servers = connect([nobody], { attempts: 5 }, { clock });
    await servers.call(question, never);
    const caller = new AbortController();
    const waiting = servers.call(question, caller.signal);
    await nextTurn();
    expect(clock.sleeping).toBe(1);
    caller.abort();
    expect(await waiting).toMatchObject(failed('cancelled', /by the caller/));
    expect(clock.sleeping).toBe(0);
  });

  it('the other replicas are used', async () => {
    const alive = await server();
    const servers = connect([nobody, alive], { concurrency: 1 });
    for (let i = 0; i < 30; i++)
      expect(await servers.call(question, never)).toMatchObject(answered);
    expect(alive.calls).toHaveLength(30);
  });

  it('for longer than calls wait, each finds out for itself and says why it failed', async () => {
    const clock = createTestClock(deadlineMs);
    const servers = connect([nobody], {}, { clock });
    for (let i = 0; i < 100; i++) {
      expect(await servers.call(question, never)).toMatchObject(
        failed('transport', /^http:\/\/127\.0\.0\.1:9\/v1: .*ECONNREFUSED/),
      );
    }
    expect(clock.now()).toBeLessThan(1_200_000);
  });
});
