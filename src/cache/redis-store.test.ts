import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAskOnce } from '../core/async/ask-once.ts';
import { createLedger } from '../http/ledger.ts';
import { createVerdictMemory, type Judged } from '../judge/verdict-memory.ts';
import type { AnswerStore } from './answer-store.ts';
import { openAnswers } from './open-answers.ts';
import { hasRedis, type RedisServer, startRedis } from './redis-server.fixture.ts';
import { openSharedUsage, type SharedUsage } from './shared-usage.ts';

const never = new AbortController().signal;
const right: Judged = {
  kind: 'judged',
  correct: true,
  reply: 'YES',
  latencyMs: 3,
  source: 'model',
};

describe.skipIf(!hasRedis)('a store that several machines share (needs redis-server)', () => {
  let redis: RedisServer;
  const opened: { close(): Promise<void> }[] = [];
  const open = (): AnswerStore => {
    const store = openAnswers(redis.url);
    opened.push(store);
    return store;
  };
  const usage = (): SharedUsage => {
    const shared = openSharedUsage(redis.url, 'test');
    opened.push(shared);
    return shared;
  };
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    await redis.stop();
  });

  it('lets one of three services ask, and gives the others its answers', async () => {
    const keys = Array.from({ length: 50 }, (_, index) => `question ${index}`);
    let asked = 0;
    const services = [open(), open(), open()].map((store) => {
      const askOnce = createAskOnce<Judged>(createVerdictMemory(store));
      return askOnce(keys, never, async () => {
        asked++;
        await new Promise((resolve) => setImmediate(resolve));
        return right;
      });
    });
    const answers = await Promise.all(services);
    expect(asked).toBe(50);
    expect(answers.flat().every(({ answer }) => answer.kind === 'judged')).toBe(true);
    expect(answers.flat().filter(({ reused }) => reused)).toHaveLength(100);
  });

  it('has another one ask where the first failed', async () => {
    const first = createAskOnce<Judged>(createVerdictMemory(open()));
    const second = createAskOnce<Judged>(createVerdictMemory(open()));
    const failure = { kind: 'unscored', cause: 'timeout', message: 'late' } as const;
    expect((await first(['k'], never, async () => failure))[0]?.answer).toBe(failure);
    expect((await second(['k'], never, async () => right))[0]).toEqual({
      answer: right,
      reused: false,
    });
  });

  it('asks again, and stores anew, what is stored and cannot be read', async () => {
    const store = open();
    await store.put('verdict', 'k', Buffer.from('{broken'));
    const askOnce = createAskOnce<Judged>(createVerdictMemory(open()));
    expect((await askOnce(['k'], never, async () => right))[0]?.reused).toBe(false);
    const later = createAskOnce<Judged>(createVerdictMemory(open()));
    const asked = vi.fn(async () => right);
    expect((await later(['k'], never, asked))[0]?.reused).toBe(true);
    expect(asked).not.toHaveBeenCalled();
  });

  it('brings vectors near', async () => {
    await open().put('vector', 'v', Buffer.from([1, 2, 3]));
    const other = open();
    expect(other.get('vector', 'v')).toBeUndefined();
    await other.fetch?.('vector', ['v', 'w']);
    expect([...(other.get('vector', 'v') ?? [])]).toEqual([1, 2, 3]);
    expect(other.get('vector', 'w')).toBeUndefined();
  });

  it('keeps a cap on calls exactly over all services', async () => {
    const meters = [usage(), usage(), usage()].map((shared) =>
      createLedger({ cap: { calls: 10 }, shared }).meter('judge'),
    );
    const bars = await Promise.all(
      meters.flatMap((meter) => Array.from({ length: 8 }, () => meter.reserve?.())),
    );
    expect(bars.filter((bar) => bar === undefined)).toHaveLength(10);
    expect(bars.find((bar) => bar !== undefined)).toMatch(/cap.calls of 10 is reached by all/);
  });

  it('keeps a cap on tokens over all services', async () => {
    const cap = { tokens: 100 };
    const [first, second] = [usage(), usage()].map((shared) =>
      createLedger({ cap, shared }).meter('judge'),
    );
    expect(await first?.reserve?.()).toBeUndefined();
    first?.answered({ prompt: 90, completion: 10 });
    await vi.waitFor(async () => expect(await second?.reserve?.()).toMatch(/cap.tokens/));
  });

  it('asks by itself where the store dies, and says so once', async () => {
    const warnings: string[] = [];
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation((text) => {
      warnings.push(String(text));
    });
    const askOnce = createAskOnce<Judged>(createVerdictMemory(open()));
    const reserve = createLedger({ cap: { calls: 1 }, shared: usage() }).meter('judge').reserve;
    await redis.stop();
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    const answers = await askOnce(keys, never, async () => right);
    expect(answers.every(({ answer, reused }) => answer === right && !reused)).toBe(true);
    expect(await reserve?.()).toBeUndefined();
    warn.mockRestore();
    // One of the store of answers, one of the counter.
    expect(warnings.length).toBeLessThanOrEqual(2);
    expect(warnings[0]).toContain('the shared store redis://127.0.0.1:');
  });

  it('takes no address that would put a password into a config', () => {
    expect(() => openAnswers('redis://:secret@host:6379/0')).toThrow(/MEDIX_REDIS_PASSWORD/);
  });
});
