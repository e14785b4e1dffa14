/**
 * Answers of judges and embedders in a store that several machines share. A question is asked by whoever claims it
 * first; the others wait for the answer. A claim is a lease: when its holder dies, another one asks.
 */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../core/async/clock.ts';
import { createMemory } from '../core/async/memory.ts';
import type { AnswerKind, AnswerStore, Claim } from './answer-store.ts';
import { connectRedis, type RedisConnection } from './redis-connection.ts';

/** A holder that did not renew its claim for this long is dead. */
const leaseMs = 15_000;

/** Between two looks for an answer that another process asks for. */
const firstPauseMs = 10;
const longestPauseMs = 250;

/** Answers read from the store ahead of the calls that want them. */
const fetchedAnswers = 20_000;

const releaseScript =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";
const renewScript =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0";

/** @throws MedixError 'config' where the address is none. */
export function openRedisStore(url: string, password?: string): AnswerStore {
  const redis = connectRedis(url, password);
  const fetched = createMemory<Uint8Array>(fetchedAnswers);
  const held = new Set<() => void>();
  return {
    get: (kind, key) => fetched.get(keyOf(kind, key)),
    fetch: async (kind, keys) => {
      const wanted = keys.map((key) => keyOf(kind, key)).filter((key) => !fetched.get(key));
      if (wanted.length === 0) return;
      const found = await redis.send(['MGET', ...wanted]);
      if (!Array.isArray(found)) return;
      for (const [place, value] of found.entries()) {
        const key = wanted[place];
        if (key !== undefined && value instanceof Uint8Array) fetched.put(key, value);
      }
    },
    put: async (kind, key, value) => {
      await redis.send(['SET', keyOf(kind, key), Buffer.from(value)]);
    },
    claim: (kind, key, signal) => claim(redis, keyOf(kind, key), signal, held),
    close: async () => {
      for (const stop of held) stop();
      await redis.close();
    },
  };
}

function keyOf(kind: AnswerKind, key: string): string {
  return `medix:${kind}:${key}`;
}

const unguarded: Claim = { kind: 'mine', release: async () => {} };

async function claim(
  redis: RedisConnection,
  key: string,
  signal: AbortSignal,
  held: Set<() => void>,
): Promise<Claim> {
  const lock = `${key}:asked`;
  const token = randomUUID();
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    const stored = await redis.send(['GET', key]);
    if (stored instanceof Uint8Array) return { kind: 'answer', value: stored };
    // A store that is gone: the question is asked, at worst by several.
    if (stored === undefined) return unguarded;
    const taken = await redis.send(['SET', lock, token, 'NX', 'PX', String(leaseMs)]);
    if (taken === undefined) return unguarded;
    if (taken !== null) return holding(redis, { key, lock, token }, held);
    await systemClock.sleep(pauseMs, signal);
    pauseMs = Math.min(longestPauseMs, pauseMs * 2);
  }
  return unguarded;
}

async function holding(
  redis: RedisConnection,
  { key, lock, token }: { readonly key: string; readonly lock: string; readonly token: string },
  held: Set<() => void>,
): Promise<Claim> {
  const timer = setInterval(() => {
    void redis.send(['EVAL', renewScript, '1', lock, token, String(leaseMs)]);
  }, leaseMs / 3);
  timer.unref();
  const stop = () => clearInterval(timer);
  held.add(stop);
  const release = async () => {
    stop();
    held.delete(stop);
    await redis.send(['EVAL', releaseScript, '1', lock, token]);
  };
  // Between the look and the claim another one may have answered and let go.
  const stored = await redis.send(['GET', key]);
  if (!(stored instanceof Uint8Array)) return { kind: 'mine', release };
  await release();
  return { kind: 'answer', value: stored };
}
