import { describe, expect, it } from 'vitest';
import { createTestClock } from '../core/async/test-clock.fixture.ts';
import { createLedger } from './ledger.ts';
import { behave, type ServerCall } from './misbehaving-server.fixture.ts';
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

describe('a kept-alive connection that is reset', () => {
  it('costs one request more, at once and counted', async () => {
    const one = await server(({ count }) => (count === 2 ? behave.cutConnection : undefined));
    const clock = createTestClock(deadlineMs);
    const ledger = createLedger();
    const servers = connect([one], { concurrency: 1 }, { clock, ledger });
    for (const row of [1, 2]) {
      expect(await servers.call(questionOf(row), never)).toMatchObject(answered);
    }
    expect(clock.passed).toEqual([]);
    expect(one.calls).toHaveLength(3);
    expect(ledger.summary()['judge']).toMatchObject({ requests: 3, failed: 1 });
  });

  it('again and again is a fault like others: pauses, and no more requests than attempts', async () => {
    const one = await server(({ count }) => (count > 1 ? behave.cutConnection : undefined));
    const clock = createTestClock(deadlineMs);
    const servers = connect([one], { concurrency: 1 }, { clock });
    await servers.call(question, never);
    expect(await servers.call(question, never)).toMatchObject(failed('transport', /./));
    expect(one.calls).toHaveLength(1 + 3);
    expect(clock.passed.length).toBeGreaterThan(0);
  });

  it('after some time may have cost the server work, and is not repeated at once', async () => {
    const clock = createTestClock(deadlineMs);
    const late = (call: ServerCall) => {
      clock.advance(1_000);
      behave.cutConnection(call);
    };
    const one = await server(({ count }) => (count === 2 ? late : undefined));
    const servers = connect([one], { concurrency: 1 }, { clock });
    for (const row of [1, 2]) {
      expect(await servers.call(questionOf(row), never)).toMatchObject(answered);
    }
    expect(clock.passed).toHaveLength(1);
  });

  it('does not fail a probe of a server that has only been idle', async () => {
    const one = await server(({ count }) => (count === 2 ? behave.cutConnection : undefined));
    const ledger = createLedger();
    const servers = connect([one], {}, { ledger });
    await servers.callEach(question, never);
    expect(await servers.callEach(question, never)).toMatchObject([answered]);
    expect(ledger.summary()['judge']).toMatchObject({ requests: 3 });
  });

  it('counts every request that the server sees, and the cap is exact', async () => {
    // Every third request, whoever sends it, is read and then cut.
    const one = await server(() => (one.calls.length % 3 === 0 ? behave.cutConnection : undefined));
    const ledger = createLedger();
    const servers = connect([one], { concurrency: 8, attempts: 8 }, { ledger });
    const asked = Array.from({ length: 200 }, (_, row) => servers.call(questionOf(row), never));
    for (const reply of await Promise.all(asked)) expect(reply).toMatchObject(answered);
    expect(one.calls.length).toBeGreaterThan(250);
    expect(ledger.summary()['judge']?.requests).toBe(one.calls.length);

    const capped = createLedger({ cap: { calls: 50 } });
    const before = one.calls.length;
    const spared = connect([one], { concurrency: 8, attempts: 8 }, { ledger: capped });
    await Promise.all(Array.from({ length: 100 }, (_, row) => spared.call(questionOf(row), never)));
    expect(one.calls.length - before).toBe(50);
    expect(capped.summary()['judge']?.requests).toBe(50);
  });

  it('leaves the cap exact also where every replica is asked whether it is there', async () => {
    const replicas = [await server(), await server(), await server()];
    const ledger = createLedger({ cap: { calls: 2 } });
    const replies = await connect(replicas, {}, { ledger }).callEach(question, never);
    expect(replies).toMatchObject([answered, answered, failed('cap-reached', /cap\.calls of 2/)]);
    expect(replicas.map(({ calls }) => calls.length)).toEqual([1, 1, 0]);
  });
});
