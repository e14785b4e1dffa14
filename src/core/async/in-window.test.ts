import { describe, expect, it } from 'vitest';
import { inWindow } from './in-window.ts';

async function* numbers(count: number, onTake: (n: number) => void = () => {}) {
  for (let n = 0; n < count; n++) {
    onTake(n);
    yield n;
  }
}

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const one of results) list.push(one);
  return list;
}

describe('inWindow', () => {
  it('never has more items open than its size, and gives every result once', async () => {
    let open = 0;
    let most = 0;
    const work = async (n: number) => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
      return n * 2;
    };
    const results = await all(inWindow(numbers(100), 7, work));
    expect(results.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => 2 * n));
    expect(most).toBe(7);
  });

  it('gives results as they are done', async () => {
    const releases: (() => void)[] = [];
    const work = (n: number) =>
      new Promise<number>((resolve) => {
        releases[n] = () => resolve(n);
        if (n < 2) return;
        setImmediate(() => {
          for (const place of [2, 0, 1]) releases[place]?.();
        });
      });
    expect(await all(inWindow(numbers(3), 3, work))).toEqual([2, 0, 1]);
  });

  it('takes nothing more once the one who listens stops', async () => {
    const taken: number[] = [];
    for await (const _ of inWindow(
      numbers(100, (n) => taken.push(n)),
      2,
      async (n) => n,
    ))
      break;
    expect(taken.length).toBeLessThanOrEqual(3);
  });

  it('ends with the error of an item', async () => {
    const work = async (n: number) => {
      if (n === 3) throw new Error('item 3');
      return n;
    };
    await expect(all(inWindow(numbers(10), 2, work))).rejects.toThrow('item 3');
  });

  it('ends with the error of the stream', async () => {
    async function* broken() {
      yield 1;
      throw new Error('stream');
    }
    await expect(all(inWindow(broken(), 2, async (n) => n))).rejects.toThrow('stream');
  });
});
