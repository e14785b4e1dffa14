import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { embedderSection, judgeSection } from '../config/judge-config.ts';
import { createTestClock } from '../core/async/test-clock.fixture.ts';
import { openEmbedder } from '../embed/open-embedder.ts';
import { createLedger } from '../http/ledger.ts';
import {
  type Behaviour,
  behave,
  chat,
  type ServerCall,
  startMisbehavingServer,
  status,
} from '../http/misbehaving-server.fixture.ts';
import type { JudgeItem } from './judge.ts';
import { openJudge } from './open-judge.ts';

const never = new AbortController().signal;
const item: JudgeItem = {
  question: 'Which side?',
  answer: 'right',
  referenceAnswer: 'left',
  accepted: [],
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-open-'));
});
afterAll(() => rm(folder, { recursive: true }));

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

type Settings = Readonly<Record<string, unknown>>;

function contextOf(apiKey?: string) {
  const clock = createTestClock(200_000);
  const context = { seed: 1, clock, ledger: createLedger() };
  return apiKey === undefined ? context : { ...context, apiKey };
}

async function judgeOn(
  script: (call: ServerCall) => Behaviour | undefined,
  settings: Settings = {},
  context = contextOf(),
) {
  const server = await startMisbehavingServer(script);
  closing.push(server.stop);
  const config = judgeSection.parse({
    kind: 'openai',
    url: server.url,
    model: 'judge',
    cache: null,
    deadlineMs: 300_000,
    ...settings,
  });
  const judge = await openJudge(config, context);
  closing.push(judge.close);
  return { judge, server, ...context };
}

const replying = (content: string) => (call: ServerCall) =>
  call.path === 'models' ? behave.healthy : chat({ message: { content } });

describe('openJudge', () => {
  it('judges by a model behind a server', async () => {
    const { judge, server, ledger } = await judgeOn(replying('No.'));
    expect(await judge.probe(never)).toBeUndefined();
    expect(await judge.judge([item], never)).toEqual([
      {
        kind: 'judged',
        correct: false,
        reply: 'No.',
        latencyMs: 0,
        tokens: { prompt: 90, completion: 1 },
        source: 'model',
      },
    ]);
    const { body } = server.calls.at(-1) ?? {};
    expect(body).toMatchObject({ model: 'judge', temperature: 0, max_tokens: 8 });
    expect(JSON.stringify(body)).toContain('Which side?');
    expect(ledger.summary()['judge']).toMatchObject({ requests: 2, inputTokens: 90 });
  });

  it("asks as the paper does under the paper's prompt", async () => {
    const { judge, server } = await judgeOn(replying('NOT YES'), { prompt: 'medix-r1-reference' });
    expect(await judge.judge([item], never)).toMatchObject([{ kind: 'judged', correct: true }]);
    expect(server.calls[0]?.body).toMatchObject({ max_tokens: 4 });
    expect(JSON.stringify(server.calls[0]?.body)).not.toContain('Which side?');
  });

  it('holds the reply to a schema, with and without help of the server', async () => {
    const script = ({ body }: ServerCall) =>
      'response_format' in body
        ? status(400, 'response_format is not supported')
        : chat({ message: { content: '{"correct": true}' } });
    const { judge, server } = await judgeOn(script, { verdict: 'json' });
    expect(await judge.judge([item], never)).toMatchObject([{ correct: true }]);
    expect(server.calls).toHaveLength(2);
  });

  it('reads the first token and keeps the margin', async () => {
    const top = [
      { token: 'YES', logprob: -0.25 },
      { token: ' NO', logprob: -1.75 },
    ];
    const { judge, server } = await judgeOn(
      () => chat({ logprobs: { content: [{ token: 'YES', logprob: -0.25, top_logprobs: top }] } }),
      { verdict: 'logprobs' },
    );
    expect(await judge.judge([item], never)).toMatchObject([
      { correct: true, margin: expect.closeTo(1.5, 10) },
    ]);
    expect(server.calls[0]?.body).toMatchObject({ logprobs: true, top_logprobs: 20 });
  });

  it('retries 5xx with growing jittered pauses, and honours Retry-After', async () => {
    const { judge, clock } = await judgeOn(({ count }) => {
      if (count === 1) return status(503);
      if (count === 2) return status(429, 'slow down', { 'retry-after': '7' });
      return behave.healthy;
    });
    expect(await judge.judge([item], never)).toMatchObject([{ kind: 'judged' }]);
    expect(clock.passed[0]).toBeGreaterThanOrEqual(250);
    expect(clock.passed[0]).toBeLessThan(750);
    expect(clock.passed[1]).toBe(7000);
  });

  it('gives up after the last attempt and asks again the next time', async () => {
    const { judge } = await judgeOn(({ count }) => (count <= 3 ? status(500) : undefined), {
      attempts: 3,
    });
    expect(await judge.judge([item], never)).toMatchObject([{ cause: 'transport' }]);
    expect(await judge.judge([item], never)).toMatchObject([{ kind: 'judged' }]);
  });

  it('does not retry what the server refuses', async () => {
    const { judge, server } = await judgeOn(() => status(400));
    expect(await judge.judge([item], never)).toMatchObject([
      { kind: 'unscored', cause: 'refused' },
    ]);
    expect(server.calls).toHaveLength(1);
  });

  it('gives up on a server that never answers', async () => {
    const { judge, clock, server } = await judgeOn(() => behave.hang, { attempts: 2 });
    const outcome = judge.judge([item], never);
    for (const count of [1, 2]) {
      await server.arrived(count);
      clock.advance(300_000);
    }
    expect(await outcome).toMatchObject([{ cause: 'timeout' }]);
  });

  it('reports a server that is not there as transport', async () => {
    const { judge, clock } = await judgeOn(() => undefined, {
      url: 'http://127.0.0.1:9/v1',
      attempts: 3,
    });
    expect(await judge.judge([item], never)).toMatchObject([{ cause: 'transport' }]);
    expect(clock.passed).toHaveLength(2);
  });

  it('keeps to its concurrency and returns outcomes in order', async () => {
    const script = ({ body }: ServerCall) =>
      chat({ message: { content: JSON.stringify(body).includes('odd') ? 'YES' : 'NO' } });
    const { judge, server } = await judgeOn(script, { concurrency: 3 });
    const items = Array.from({ length: 30 }, (_, i) => ({
      ...item,
      answer: `${i % 2 ? 'odd' : 'even'} ${i}`,
    }));
    const outcomes = await judge.judge(items, never);
    expect(outcomes.map((outcome) => outcome.kind === 'judged' && outcome.correct)).toEqual(
      items.map((_, i) => i % 2 === 1),
    );
    expect(server.peak).toBeLessThanOrEqual(3);
  });

  it('sends the key it was given and nothing from the environment', async () => {
    const [keyed, open] = [
      await judgeOn(() => undefined, {}, contextOf('secret')),
      await judgeOn(() => undefined),
    ];
    await keyed.judge.judge([item], never);
    await open.judge.judge([item], never);
    expect(keyed.server.calls[0]?.headers.authorization).toBe('Bearer secret');
    expect(open.server.calls[0]?.headers.authorization).toBeUndefined();
  });

  it('adds the extra fields to the request and to the digest', async () => {
    const extraBody = { chat_template_kwargs: { enable_thinking: false } };
    const { judge, server } = await judgeOn(() => undefined, { extraBody });
    await judge.judge([item], never);
    expect(server.calls[0]?.body).toMatchObject({ ...extraBody, temperature: 0 });
    const plain = await judgeOn(() => undefined);
    expect(judge.describe.digest).not.toBe(plain.judge.describe.digest);
  });

  it('finds the verdicts of an earlier run in its cache', async () => {
    const cache = join(folder, 'answers');
    for (const asked of [1, 0]) {
      const { judge, server } = await judgeOn(() => undefined, { cache });
      expect(await judge.judge([item], never)).toMatchObject([{ correct: true }]);
      expect(server.calls).toHaveLength(asked);
      await judge.close();
    }
  });

  it('stops at the cap and says so', async () => {
    const ledger = createLedger({ cap: { calls: 1 } });
    const { judge } = await judgeOn(() => undefined, {}, { ...contextOf(), ledger });
    await judge.judge([item], never);
    expect(await judge.judge([{ ...item, answer: 'other' }], never)).toMatchObject([
      { kind: 'unscored', cause: 'cap-reached' },
    ]);
  });

  it('opens the offline judge, which needs nothing', async () => {
    const judge = await openJudge({ kind: 'reference-match' }, contextOf());
    expect(await judge.judge([{ ...item, answer: 'Left.' }], never)).toMatchObject([
      { correct: true, source: 'rule' },
    ]);
  });

  it.each([
    [{ url: 'ftp://localhost:8085/v1' }, /http/],
    [{ prompt: 'no-such-prompt' }, /judge prompt no-such-prompt/],
    [{ prompt: 'medix-r1-reference', verdict: 'json' }, /judge\.verdict: expected word/],
    [{ cache: '/dev/null' }, /answer store \/dev\/null/],
    [{ kind: 'gguf', path: '/no/such.gguf' }, /judge \/no\/such\.gguf/],
  ] as const)('says at once what cannot be used: %j', async (settings, message) => {
    const { kind = 'openai', ...rest } = settings as { readonly kind?: string };
    const needed = kind === 'gguf' ? {} : { url: 'http://127.0.0.1:9/v1', model: 'm' };
    const input = { kind, ...needed, cache: null, ...rest } as z.input<typeof judgeSection>;
    const config = judgeSection.parse(input);
    await expect(openJudge(config, contextOf())).rejects.toThrow(message);
  });
});

describe('openEmbedder', () => {
  it('remembers the vectors of a server, in memory and across runs', async () => {
    const cache = join(folder, 'vectors');
    for (const asked of [1, 0]) {
      const server = await startMisbehavingServer();
      closing.push(server.stop);
      const config = embedderSection.parse({
        kind: 'openai',
        url: server.url,
        model: 'embedder',
        cache,
        deadlineMs: 300_000,
      });
      const context = contextOf();
      const embedder = await openEmbedder(config, context);
      const texts = ['mass', 'clear', 'mass'];
      const first = await embedder.embed(texts, never);
      expect(first.map(({ kind }) => kind)).toEqual(['embedded', 'embedded', 'embedded']);
      expect(await embedder.embed(texts, never)).toEqual(first);
      expect(server.calls).toHaveLength(asked);
      await embedder.close();
    }
  });

  it('opens the offline encoder', async () => {
    const embedder = await openEmbedder({ kind: 'local' }, contextOf());
    expect(embedder.describe).toMatchObject({ kind: 'local', dimensions: 512 });
    expect(await embedder.embed(['mass', ''], never)).toMatchObject([
      { kind: 'embedded' },
      { cause: 'refused' },
    ]);
    await embedder.close();
  });

  it('says at once which model cannot be found', async () => {
    await writeFile(join(folder, 'file'), '');
    const config = embedderSection.parse({
      kind: 'onnx',
      model: join(folder, 'file'),
      pooling: 'cls',
    });
    await expect(openEmbedder(config, contextOf())).rejects.toThrow(/owner\/name@revision/);
  });
});
