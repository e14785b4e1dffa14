import { describe, expect, it } from 'vitest';
import { inOrder } from './in-order.ts';

const never = new AbortController().signal;

async function* upTo(count: number, onDrawn: (n: number) => void = () => {}) {
  for (let n = 0; n < count; n++) {
    onDrawn(n);
    yield n;
  }
}

/** Work that ends when the test says so. */
function heldWork() {
  const ends = new Map<number, () => void>();
  const begun: number[] = [];
  return {
    begun,
    end: (n: number) => ends.get(n)?.(),
    work: (n: number) => {
      begun.push(n);
      return new Promise<string>((resolve) => ends.set(n, () => resolve(`done ${n}`)));
    },
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('work in order', () => {
  it('gives results in the order of the items, however they end', async () => {
    const { work, end } = heldWork();
    const results = inOrder(upTo(3), work, { atOnce: 3 }, never);
    const first = results.next();
    await settled();
    for (const n of [2, 1, 0]) end(n);
    const values = [
      (await first).value,
      (await results.next()).value,
      (await results.next()).value,
    ];
    expect(values).toEqual(['done 0', 'done 1', 'done 2']);
    expect((await results.next()).done).toBe(true);
  });

  it('begins no more than are allowed at once, by number and by bytes', async () => {
    const byNumber = heldWork();
    const first = inOrder(upTo(10), byNumber.work, { atOnce: 3 }, never).next();
    await settled();
    expect(byNumber.begun).toEqual([0, 1, 2]);
    byNumber.end(0);
    await first;

    const byBytes = heldWork();
    const limits = { atOnce: 9, bytesOf: () => 10, maxBytes: 15 };
    void inOrder(upTo(10), byBytes.work, limits, never).next();
    await settled();
    expect(byBytes.begun).toEqual([0, 1]);
  });

  it('cancels what is in work when its consumer stops or an item fails', async () => {
    const signals: AbortSignal[] = [];
    const work = async (n: number, signal: AbortSignal) => {
      signals.push(signal);
      if (n === 1) throw new Error('no such item');
      return n;
    };
    const seen: number[] = [];
    const run = async () => {
      for await (const n of inOrder(upTo(5), work, { atOnce: 2 }, never)) seen.push(n);
    };
    await expect(run()).rejects.toThrow('no such item');
    expect(seen).toEqual([0]);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });
});
