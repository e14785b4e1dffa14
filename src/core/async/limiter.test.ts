import { describe, expect, it } from 'vitest';
import { createLimiter } from './limiter.ts';

const never = new AbortController().signal;
/** Lets whatever can go on go on. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('createLimiter', () => {
  it('hands places on in the order of the queue', async () => {
    const limiter = createLimiter(2);
    const entered: number[] = [];
    const enter = async (name: number) => {
      const release = await limiter.acquire(never);
      entered.push(name);
      return release;
    };
    const waiting = [1, 2, 3, 4].map(enter);
    await settle();
    expect(entered).toEqual([1, 2]);
    (await waiting[1])?.();
    await settle();
    expect(entered).toEqual([1, 2, 3]);
    (await waiting[0])?.();
    (await waiting[2])?.();
    await Promise.all(waiting);
    expect(entered).toEqual([1, 2, 3, 4]);
  });

  it('lets a waiting caller give up without losing a place', async () => {
    const limiter = createLimiter(1);
    const impatient = new AbortController();
    const first = await limiter.acquire(never);
    const second = limiter.acquire(impatient.signal);
    const third = limiter.acquire(never);
    impatient.abort();
    expect(await second).toBeUndefined();
    first?.();
    expect(await third).toBeTypeOf('function');
    expect(await limiter.acquire(AbortSignal.abort())).toBeUndefined();
  });

  it('gives a place at once only where one is free', async () => {
    const limiter = createLimiter(1);
    const release = limiter.tryAcquire();
    expect(limiter.tryAcquire()).toBeUndefined();
    release?.();
    expect(limiter.tryAcquire()).toBeTypeOf('function');
  });

  it('serves a hundred thousand waiting callers of one signal, half of whom give up', async () => {
    const limiter = createLimiter(8);
    const [patient, impatient] = [new AbortController(), new AbortController()];
    let served = 0;
    const work = async (signal: AbortSignal) => {
      const release = await limiter.acquire(signal);
      if (release === undefined) return;
      served++;
      await Promise.resolve();
      release();
    };
    const first = Array.from({ length: 8 }, () => limiter.tryAcquire());
    const all = Array.from({ length: 100_000 }, (_, i) =>
      work(i % 2 === 0 ? patient.signal : impatient.signal),
    );
    impatient.abort();
    for (const release of first) release?.();
    await Promise.all(all);
    expect(served).toBe(50_000);
  });
});
