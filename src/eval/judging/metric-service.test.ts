import { afterEach, describe, expect, it } from 'vitest';
import { createTestClock } from '../../core/async/test-clock.fixture.ts';
import { createLedger } from '../../http/ledger.ts';
import {
  type Behaviour,
  behave,
  held,
  json,
  type ServerCall,
  startMisbehavingServer,
  status,
} from '../../http/misbehaving-server.fixture.ts';
import { createMetricService, type ReportPair } from './metric-service.ts';

const never = new AbortController().signal;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const pair = (id: string): ReportPair => ({ id, candidate: `of ${id}`, reference: 'clear lungs' });

async function serviceOn(script: (call: ServerCall) => Behaviour | undefined) {
  const server = await startMisbehavingServer(script);
  const ledger = createLedger();
  const service = createMetricService(
    { name: 'green', url: `${server.url}/score?model=x` },
    { clock: createTestClock(100_000), ledger },
  );
  closing.push(service.close, server.stop);
  return { server, service, ledger };
}

describe('an external metric', () => {
  it('is asked for reports in batches and answers each its own', async () => {
    const scoresOf: Behaviour = (call) => {
      const items = call.body['items'] as readonly ReportPair[];
      return json({ scores: items.map(({ id }) => Number(id) / 100) })(call);
    };
    const { service, server, ledger } = await serviceOn(() => scoresOf);
    const ids = Array.from({ length: 70 }, (_, index) => String(index));
    const scores = await Promise.all(ids.map((id) => service.score(pair(id), never)));
    expect(scores).toEqual(ids.map((id) => Number(id) / 100));
    const sizes = server.calls.map(({ body }) => (body['items'] as readonly unknown[]).length);
    expect(sizes).toEqual([32, 32, 6]);
    expect(server.calls[0]?.path).toBe('score');
    expect(server.calls[0]?.body).toMatchObject({
      items: [pair('0'), ...ids.slice(1, 32).map(pair)],
    });
    expect(ledger.summary()['metric/green']).toMatchObject({ requests: 3, failed: 0 });
  });

  it.each([
    ['the service has none', json({ scores: [null] }), 'no-score'],
    ['another number of scores comes', json({ scores: [1, 2] }), 'unparsable'],
    ['a score is no number', json({ scores: ['1'] }), 'unparsable'],
    ['the service breaks', status(500), 'transport'],
    ['the service refuses', status(404), 'refused'],
    ['the connection is cut', behave.cutConnection, 'transport'],
  ])('has no value, with the cause counted, where %s', async (_, behaviour, cause) => {
    const { service } = await serviceOn(() => behaviour);
    expect(await service.score(pair('a'), never)).toBeNull();
    expect(service.failures()).toEqual({ [cause]: 1 });
  });

  it('keeps the scores that stand beside one that is none', async () => {
    const { service } = await serviceOn(() => json({ scores: [0.5, 'high', null, 0.25] }));
    const scores = ['a', 'b', 'c', 'd'].map((id) => service.score(pair(id), never));
    expect(await Promise.all(scores)).toEqual([0.5, null, null, 0.25]);
    expect(service.failures()).toEqual({ unparsable: 1, 'no-score': 1 });
  });

  it('comes through a failure that passes', async () => {
    const { service } = await serviceOn(({ count }) =>
      count === 1 ? status(503) : json({ scores: [0.5] }),
    );
    expect(await service.score(pair('a'), never)).toBe(0.5);
    expect(service.failures()).toEqual({});
  });

  it('gives up with its caller, which counts as no failure', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { service, server } = await serviceOn(() => held(released, json({ scores: [1] })));
    const controller = new AbortController();
    const score = service.score(pair('a'), controller.signal);
    await server.arrived(1);
    controller.abort();
    expect(await score).toBeNull();
    expect(service.failures()).toEqual({});
    release();
  });
});
