import { describe, expect, it } from 'vitest';
import { systemClock } from '../core/async/clock.ts';
import { createTestClock } from '../core/async/test-clock.fixture.ts';
import { createLedger } from './ledger.ts';
import { behave, held, status } from './misbehaving-server.fixture.ts';
import { answered, deadlineMs, failed, never, question, useServers } from './servers.fixture.ts';

const { server, connect } = useServers();

/** A promise and the function that settles it. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe('retries', () => {
  it('pause longer each time, with jitter, and as long as the server asks', async () => {
    const one = await server(({ count }) =>
      [status(503), status(429, 'busy', { 'retry-after': '7' })].at(count - 1),
    );
    const clock = createTestClock(deadlineMs);
    expect(await connect([one], {}, { clock }).call(question, never)).toMatchObject(answered);
    expect(clock.passed).toHaveLength(2);
    expect(clock.passed[0]).toBeGreaterThanOrEqual(250);
    expect(clock.passed[0]).toBeLessThan(750);
    expect(clock.passed[1]).toBe(7000);
  });

  it('read a date in Retry-After against the clock of the server', async () => {
    const busy = status(429, 'busy', {
      date: 'Thu, 01 Jan 2015 00:00:00 GMT',
      'retry-after': 'Thu, 01 Jan 2015 00:00:42 GMT',
    });
    const one = await server(({ count }) => (count === 1 ? busy : undefined));
    const clock = createTestClock(deadlineMs);
    expect(await connect([one], {}, { clock }).call(question, never)).toMatchObject(answered);
    expect(clock.passed).toEqual([42_000]);
  });

  it('end when the server wants to be left alone for long', async () => {
    const one = await server(() => status(429, 'quota', { 'retry-after': '3600' }));
    const reply = await connect([one]).call(question, never);
    expect(reply).toMatchObject(failed('refused', /429: quota; it asks to wait 3600 s/));
    expect(one.calls).toHaveLength(1);
  });

  it('go to another replica, where there is one', async () => {
    const dead = await server(() => status(500));
    const alive = await server();
    const servers = connect([dead, alive]);
    for (let i = 0; i < 3; i++) expect(await servers.call(question, never)).toMatchObject(answered);
    expect([dead.calls.length, alive.calls.length]).toEqual([3, 3]);
  });

  it.each([400, 401, 404, 422])('do not follow status %i', async (code) => {
    const one = await server(() => status(code, 'no'));
    const reply = await connect([one]).call(question, never);
    expect(reply).toMatchObject({ ...failed('refused', /no/), status: code });
    expect(one.calls).toHaveLength(1);
  });
});

describe('deadlines', () => {
  it('cover the body, are those of each attempt, and close the connection', async () => {
    const one = await server(({ count }) => [behave.hang, behave.stallInBody].at(count - 1));
    const clock = createTestClock(deadlineMs);
    const reply = connect([one], {}, { clock }).call(question, never);
    await one.arrived(1);
    clock.advance(deadlineMs);
    await one.arrived(2);
    clock.advance(deadlineMs);
    expect(await reply).toMatchObject(answered);
    expect(clock.sleeping).toBe(0);
  });

  it('end a call whose server never answers as timeout', async () => {
    const one = await server(() => behave.hang);
    const clock = createTestClock(deadlineMs);
    const servers = connect([one], { attempts: 2 }, { clock });
    const reply = servers.call(question, never);
    for (const attempt of [1, 2]) {
      await one.arrived(attempt);
      clock.advance(deadlineMs);
    }
    expect(await reply).toMatchObject(failed('timeout', /no whole answer within 200000 ms/));
    await one.allClosed();
  });
});

describe('balancing', () => {
  it('sends to the replica with the fewest requests in flight, the first of equals', async () => {
    const { opened, open } = gate();
    const one = await server(({ count }) => (count <= 2 ? held(opened) : undefined));
    const two = await server(() => held(opened));
    const servers = connect([one, two]);
    const replies = [1, 2, 3].map(() => servers.call(question, never));
    await Promise.all([one.arrived(2), two.arrived(1)]);
    replies.push(servers.call(question, never));
    await two.arrived(2);
    open();
    expect(await Promise.all(replies)).toMatchObject([answered, answered, answered, answered]);
  });

  it('keeps to one concurrency over all replicas', async () => {
    const { opened, open } = gate();
    const replicas = [await server(() => held(opened)), await server(() => held(opened))];
    const servers = connect(replicas, { concurrency: 3 });
    const replies = Array.from({ length: 20 }, () => servers.call(question, never));
    await Promise.all([replicas[0]?.arrived(2), replicas[1]?.arrived(1)]);
    open();
    await Promise.all(replies);
    expect(replicas.map(({ peak }) => peak)).toEqual([2, 1]);
  });

  it('begins no more requests in a minute than allowed', async () => {
    const one = await server();
    const clock = createTestClock();
    const servers = connect([one], { requestsPerMinute: 2 }, { clock });
    const replies = [1, 2, 3].map(() => servers.call(question, never));
    await clock.untilSleeping(60_000);
    await Promise.all(replies.slice(0, 2));
    expect(one.calls).toHaveLength(2);
    clock.advance(60_000);
    expect(await Promise.all(replies)).toMatchObject([answered, answered, answered]);
  });
});

describe('the second request', () => {
  it('overtakes a slow replica, whose request is aborted', async () => {
    const slow = await server(() => behave.hang);
    const fast = await server();
    const clock = createTestClock();
    const ledger = createLedger();
    const servers = connect([slow, fast], { hedgeAfterMs: 100 }, { clock, ledger });
    const reply = servers.call(question, never);
    await slow.arrived(1);
    await clock.untilSleeping(100);
    clock.advance(100);
    expect(await reply).toMatchObject(answered);
    await slow.allClosed();
    expect(ledger.summary()['judge']).toMatchObject({ requests: 2, failed: 0 });
    expect(clock.sleeping).toBe(0);
  });

  it('does not count when it fails while the first still answers', async () => {
    const { opened, open } = gate();
    const slow = await server(() => held(opened));
    const broken = await server(() => held(Promise.resolve(open()), status(500)));
    const clock = createTestClock();
    const servers = connect([slow, broken], { hedgeAfterMs: 100 }, { clock });
    const reply = servers.call(question, never);
    await slow.arrived(1);
    await clock.untilSleeping(100);
    clock.advance(100);
    expect(await reply).toMatchObject(answered);
    expect([slow.calls.length, broken.calls.length]).toEqual([1, 1]);
  });

  it('is not sent where it would take the place of a first one', async () => {
    const { opened, open } = gate();
    const one = await server(() => held(opened));
    const clock = createTestClock();
    const servers = connect([one], { hedgeAfterMs: 100, concurrency: 1 }, { clock });
    const reply = servers.call(question, never);
    await one.arrived(1);
    await clock.untilSleeping(100);
    clock.advance(100);
    open();
    expect(await reply).toMatchObject(answered);
    expect(one.calls).toHaveLength(1);
  });
});

describe('cancellation', () => {
  it('frees callers who wait in line, in a pause, or for an answer, and closes connections', async () => {
    const hanging = await server(() => behave.hang);
    const busy = await server(() => status(503));
    const clock = createTestClock();
    const caller = new AbortController();
    const inLine = connect([hanging], { concurrency: 1 }, { clock });
    const pausing = connect([busy], {}, { clock });
    const replies = [
      ...[1, 2, 3].map(() => inLine.call(question, caller.signal)),
      pausing.call(question, caller.signal),
    ];
    await Promise.all([hanging.arrived(1), busy.arrived(1)]);
    caller.abort();
    for (const reply of await Promise.all(replies)) {
      expect(reply).toMatchObject(failed('cancelled', /by the caller/));
    }
    await hanging.allClosed();
    expect(hanging.calls).toHaveLength(1);
    expect(clock.sleeping).toBe(0);
  });

  it('by closing ends what is open and refuses what comes later', async () => {
    const one = await server(() => behave.hang);
    const servers = connect([one]);
    const open = servers.call(question, never);
    await one.arrived(1);
    servers.close();
    expect(await open).toMatchObject(failed('cancelled', /./));
    expect(await servers.call(question, never)).toMatchObject(failed('cancelled', /./));
    await one.allClosed();
  });
});

describe('the cap', () => {
  it('lets through exactly as many calls as it names, retries included', async () => {
    const one = await server(({ count }) => (count === 1 ? status(503) : undefined));
    const ledger = createLedger({ cap: { calls: 3 } });
    const servers = connect([one], {}, { ledger });
    const replies = await Promise.all([1, 2, 3, 4].map(() => servers.call(question, never)));
    expect(one.calls).toHaveLength(3);
    const barred = replies.filter(({ kind }) => kind === 'failed');
    expect(barred.length).toBeGreaterThan(0);
    for (const reply of barred) {
      expect(reply).toMatchObject(failed('cap-reached', /cap\.calls of 3 is reached/));
    }
  });
});

describe('secrets and addresses', () => {
  it('sends the key, follows no redirect, and never repeats the key', async () => {
    const other = await server();
    const one = await server(({ count }) =>
      count === 1
        ? status(401, 'invalid key sk-secret given')
        : status(307, 'elsewhere', { location: `${other.url}?key=sk-secret` }),
    );
    const servers = connect([one], { apiKey: 'sk-secret' });
    const replies = [await servers.call(question, never), await servers.call(question, never)];
    expect(one.calls[0]?.headers.authorization).toBe('Bearer sk-secret');
    expect(JSON.stringify(replies)).not.toContain('secret');
    expect(replies[0]).toMatchObject(failed('refused', /\[key\] given; check the API key/));
    expect(replies[1]).toMatchObject(failed('refused', /moved to http/));
    expect(other.calls).toHaveLength(0);
  });

  it('quotes a server in one short line without control characters', async () => {
    const one = await server(() => status(400, `\u001b[31mred\n${'x'.repeat(1e4)}`));
    const reply = await connect([one]).call(question, never);
    const message = reply.kind === 'failed' ? reply.outcome.message : '';
    expect(message).toMatch(/400: \[31mred x+…$/);
    expect(message.length).toBeLessThan(300);
  });

  it('names every option that cannot be used, at once and without secrets', () => {
    const make = () =>
      connect(['localhost:8085', 'http://me:secret@host/v1'], {
        concurrency: 0,
        apiKey: 'secret\n',
      });
    expect(make).toThrow(/url: expected an http.*localhost:8085/);
    expect(make).toThrow(/url: expected an address without user name/);
    expect(make).toThrow(/concurrency: expected at least 1, got 0/);
    expect(make).toThrow(/API key: expected printable ASCII/);
    expect(make).not.toThrow(/secret/);
  });
});

describe('many calls', () => {
  it('share kept-alive connections, and thousands may wait at little cost', async () => {
    const one = await server();
    const servers = connect([one], { concurrency: 16 }, { clock: systemClock });
    let bodies = 0;
    const body = () => {
      bodies++;
      return '{"messages":[]}';
    };
    const caller = new AbortController();
    const replies = Array.from({ length: 20_000 }, () =>
      servers.call({ ...question, body }, caller.signal),
    );
    await one.arrived(200);
    caller.abort();
    const outcomes = await Promise.all(replies);
    const done = outcomes.filter(({ kind }) => kind === 'answered').length;
    expect(done).toBeGreaterThan(100);
    expect(bodies).toBeLessThan(1000);
    expect(one.peak).toBeLessThanOrEqual(16);
  });
});
