import { expect, it } from 'vitest';
import { createMemory } from './memory.ts';

it('forgets the entry that was used least recently', () => {
  const memory = createMemory<number>(2);
  memory.put('a', 1);
  memory.put('b', 2);
  memory.get('a');
  memory.put('c', 3);
  expect([memory.get('a'), memory.get('b'), memory.get('c')]).toEqual([1, undefined, 3]);
});
