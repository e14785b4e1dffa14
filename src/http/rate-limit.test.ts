import { describe, expect, it } from 'vitest';
import { createTestClock } from '../core/async/test-clock.fixture.ts';
import { createRateLimit } from './rate-limit.ts';

const never = new AbortController().signal;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('createRateLimit', () => {
  it('lets no more begin in any minute, and goes by the order of calls', async () => {
    const clock = createTestClock();
    const rate = createRateLimit(2, clock);
    const begun: string[] = [];
    const take = async (name: string) => {
      await rate.take(never);
      begun.push(`${name} at ${clock.now() / 1000}`);
    };
    await take('a');
    clock.advance(20_000);
    await take('b');
    const rest = ['c', 'd', 'e'].map(take);
    expect(rate.tryTake()).toBe(false);
    await clock.untilSleeping(40_000);
    clock.advance(40_000);
    await clock.untilSleeping(20_000);
    clock.advance(20_000);
    await clock.untilSleeping(40_000);
    clock.advance(40_000);
    await Promise.all(rest);
    expect(begun).toEqual(['a at 0', 'b at 20', 'c at 60', 'd at 80', 'e at 120']);
  });

  it('forgets callers who give up', async () => {
    const clock = createTestClock();
    const rate = createRateLimit(1, clock);
    expect(rate.tryTake()).toBe(true);
    const impatient = new AbortController();
    const [first, second] = [rate.take(impatient.signal), rate.take(impatient.signal)];
    const patient = rate.take(never);
    await settle();
    impatient.abort();
    expect([await first, await second]).toEqual([false, false]);
    await clock.untilSleeping(60_000);
    clock.advance(60_000);
    expect(await patient).toBe(true);
    expect(clock.sleeping).toBe(0);
  });

  it('without a number limits nothing', async () => {
    const rate = createRateLimit(null, createTestClock());
    for (let i = 0; i < 1000; i++) expect(rate.tryTake() && (await rate.take(never))).toBe(true);
  });
});
