import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createTestClock } from '../core/async/test-clock.fixture.ts';
import { rngFromKey } from '../core/rng.ts';
import { connectTinker, type TinkerClientOptions } from './client.ts';
import type { Datum } from './messages.ts';
import { type Script, startScriptedServer } from './scripted-server.fixture.ts';

const folder = await mkdtemp(join(tmpdir(), 'medix-journal-'));
afterAll(() => rm(folder, { recursive: true }));
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).toReversed()) close();
});

const adam = {
  learningRate: 1,
  beta1: 0,
  beta2: 0,
  epsilon: 1,
  weightDecay: 0,
  maxGradNorm: 0,
};

/** A datum whose gradient adds `value` to what the scripted server keeps. */
function datum(value: number): Datum {
  return {
    input: [{ kind: 'text', tokens: Int32Array.of(1, 2) }],
    targets: Int32Array.of(2, 3),
    lossInputs: { advantages: Float32Array.of(0, value) },
  };
}

const loss = { name: 'importance_sampling' };

async function connected(script: Script = {}, options: Partial<TinkerClientOptions> = {}) {
  const server = await startScriptedServer(script);
  closing.push(server.close);
  // Pauses pass at once; deadlines and heartbeats wait for the test.
  const clock = createTestClock(9_999);
  const connect = async () => {
    const client = await connectTinker({
      url: server.url,
      clock,
      rng: rngFromKey('test'),
      codec: 'json',
      ...options,
    });
    closing.push(client.close);
    return client;
  };
  return { server, clock, connect, client: await connect() };
}

/** Three gradients and a step, twice: the server's weight is then their sum. */
async function steps(model: Awaited<ReturnType<typeof modelOf>>) {
  for (const part of [0, 3]) {
    for (const value of [1, 2, 3]) await model.forwardBackward([datum(value + part)], loss);
    await model.optimStep(adam);
  }
}

const modelOf = async (client: Awaited<ReturnType<typeof connectTinker>>) =>
  client.createModel({ baseModel: 'tiny', rank: 4 });

describe('no gradient is lost and none counts twice', () => {
  it.each<[string, Script['fault']]>([
    ['answers 503 at first', (_, times) => (times % 3 === 0 ? { status: 503 } : undefined)],
    [
      'is busy (429) and says for how long',
      (path, times) =>
        path !== 'client/config' && times % 2 === 0
          ? { status: 429, headers: { 'retry-after': '1' } }
          : undefined,
    ],
    [
      'cuts connections before it works',
      (_, times) => (times % 3 === 1 ? 'cut-before' : undefined),
    ],
    [
      'cuts connections after it has worked',
      (path, times) => (path !== 'create_session' && times % 2 === 0 ? 'cut-after' : undefined),
    ],
    [
      'holds results back (408)',
      (path, times) =>
        path === 'retrieve_future' && times % 2 === 0 ? { status: 408 } : undefined,
    ],
    [
      'asks to try again',
      (path, times) =>
        path === 'retrieve_future' && times % 2 === 0
          ? { status: 200, body: { type: 'try_again', request_id: 'x', queue_state: 'active' } }
          : undefined,
    ],
    [
      'has thrown results away (410)',
      (path, times) =>
        path === 'retrieve_future' && times % 3 === 0 ? { status: 410 } : undefined,
    ],
  ])('where a server %s', async (_, fault) => {
    const { server, client } = await connected({ fault });
    await steps(await modelOf(client));
    expect(server.weight).toBe(21);
    expect(server.steps).toEqual([6, 15]);
  });

  it('where the client ends between a request and its answer, and another goes on', async () => {
    const journal = join(folder, 'killed');
    const { server, client, connect } = await connected();
    const first = await client.createModel({ baseModel: 'tiny', journal });
    await first.forwardBackward([datum(1)], loss);
    // The server carries it out, and nobody hears of it.
    server.hold();
    const abort = new AbortController();
    const unheard = first.forwardBackward([datum(2)], loss, abort.signal);
    await server.untilHeld();
    abort.abort(new Error('killed'));
    await expect(unheard).rejects.toThrow('killed');
    client.close();
    server.release();

    const second = await (await connect()).resumeModel(journal);
    expect(second.settled).toEqual([{ seq: 2, kind: 'forward_backward', outcome: 'answered' }]);
    await second.forwardBackward([datum(3)], loss);
    await second.optimStep(adam);
    expect(server.weight).toBe(6);
    const third = await (await connect()).resumeModel(journal);
    expect(third.settled).toEqual([]);
  });

  it('where data go in many requests, in their order', async () => {
    const { server, client } = await connected({ maxChunkLength: 2 });
    const model = await modelOf(client);
    const { logprobs } = await model.forwardBackward([1, 2, 3, 4, 5].map(datum), loss);
    expect(logprobs.map(([, value]) => value)).toEqual([-1, -2, -3, -4, -5]);
    await model.optimStep(adam);
    expect(server.steps).toEqual([15]);
    expect(server.requests.filter((path) => path === 'forward_backward').length).toBe(3);
  });
});

describe('what a server refuses is one clear error', () => {
  it.each<[string, Script, RegExp]>([
    [
      'the key',
      { fault: (path) => (path === 'client/config' ? { status: 401 } : undefined) },
      /takes the key, got 401.*set TINKER_API_KEY/,
    ],
    [
      'the session',
      { fault: (path) => (path === 'create_session' ? { status: 402 } : undefined) },
      /a session, got 402.*billing/,
    ],
    [
      'a model that it does not know',
      {
        fault: (path) =>
          path === 'create_model' ? { status: 400, body: { detail: 'unknown model' } } : undefined,
      },
      /a model on tiny with rank 4, got 400: unknown model/,
    ],
  ])('%s', async (_, script, message) => {
    const attempt = connected(script).then(({ client }) => modelOf(client));
    await expect(attempt).rejects.toThrow(message);
  });

  it('a loss that fails when its result is asked for', async () => {
    const { client } = await connected();
    const model = await modelOf(client);
    await expect(model.forwardBackward([datum(1)], { name: 'dro' })).rejects.toThrow(
      /the loss dro, got 400: no loss dro/,
    );
  });

  it('nobody at the address', async () => {
    const clock = createTestClock(9_999);
    const attempt = connectTinker({ url: 'http://127.0.0.1:9', clock });
    await expect(attempt).rejects.toThrow(/a Tinker server that answers.*ECONNREFUSED/);
  });

  it('a page that is no Tinker server', async () => {
    const page = { status: 200, body: 'hello' };
    await expect(connected({ fault: () => page })).rejects.toThrow(/client\/config: expected/);
  });
});

it('sends heartbeats while it is open', async () => {
  const { server, clock, client } = await connected();
  const beats = () => server.requests.filter((path) => path === 'session_heartbeat').length;
  await clock.untilSleeping(10_000);
  clock.advance(10_000);
  await server.untilAsked('session_heartbeat');
  expect(beats()).toBe(1);
  client.close();
});

it('keeps the key out of errors', async () => {
  const apiKey = 'tml-secret-key';
  const fault = () => ({ status: 500, body: { detail: `who are you, ${apiKey}?` } });
  const failed = connected({ fault }, { apiKey });
  await expect(failed).rejects.toThrow(/who are you, \[key\]/);
});

it('ends a call at once when its signal aborts', async () => {
  const { server, client } = await connected();
  const model = await modelOf(client);
  server.hold();
  const abort = new AbortController();
  const call = model.optimStep(adam, abort.signal);
  await server.untilHeld();
  abort.abort(new Error('enough'));
  await expect(call).rejects.toThrow('enough');
});

it('has no more samples open than the server allows', async () => {
  const { server, client } = await connected({ maxSamples: 3 });
  const sampler = await (await modelOf(client)).openSampler();
  const prompt = [{ kind: 'text', tokens: Int32Array.of(1) }] as const;
  const all = Array.from({ length: 20 }, (_, seed) =>
    sampler.sample({ prompt, maxTokens: 2, seed }),
  );
  const results = await Promise.all(all);
  expect(results.map(({ sequences }) => sequences[0]?.tokens[0])).toEqual(
    Array.from({ length: 20 }, (_, seed) => seed),
  );
  expect(server.mostSamples).toBeLessThanOrEqual(3);
});
