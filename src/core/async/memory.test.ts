import { expect, it } from 'vitest';
import { createMemory } from './memory.ts';

it('keeps what is used and forgets what is not', () => {
  const memory = createMemory<number>(4);
  memory.put('used', 0);
  memory.put('unused', 0);
  for (const key of ['a', 'b', 'c', 'd']) {
    memory.put(key, 1);
    expect(memory.get('used')).toBe(0);
  }
  expect(memory.get('unused')).toBe(undefined);
  expect(memory.get('d')).toBe(1);
});

it('never holds more than its capacity', () => {
  const memory = createMemory<number>(100);
  const keys = Array.from({ length: 1000 }, (_, i) => `${i}`);
  for (const [i, key] of keys.entries()) memory.put(key, i);
  const kept = keys.filter((key) => memory.get(key) !== undefined);
  expect(kept.length).toBeLessThanOrEqual(100);
  expect(kept.at(-1)).toBe('999');
});
