import { expect, it } from 'vitest';
import { BufferPool } from './buffer-pool.ts';

it('hands a returned buffer out again for a similar size', () => {
  const pool = new BufferPool();
  const first = pool.take(5000);
  pool.give(first);
  const second = pool.take(4000);
  expect(second.length).toBe(4000);
  expect(second.buffer).toBe(first.buffer);
});

it('never hands one buffer out twice', () => {
  const pool = new BufferPool();
  const views = [pool.take(100), pool.take(100), pool.take(100)];
  expect(new Set(views.map((view) => view.buffer)).size).toBe(3);
});

it('does not hoard buffers of sizes that no longer come', () => {
  const pool = new BufferPool();
  const buffers = new Set<ArrayBufferLike>();
  for (let size = 10_000; size < 1_000_000; size = Math.ceil(size * 2.5)) {
    const view = pool.take(size);
    buffers.add(view.buffer);
    pool.give(view);
  }
  const again = pool.take(10_000);
  expect(buffers.has(again.buffer)).toBe(false);
});
