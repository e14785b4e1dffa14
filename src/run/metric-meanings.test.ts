import { expect, it } from 'vitest';
import { meaningsIn, meaningsOf, readMetricMeanings } from './metric-meanings.ts';

it('every row of docs/metrics.md is a meaning with its section', async () => {
  const all = await readMetricMeanings();
  expect(all.length).toBeGreaterThan(80);
  for (const { key, meaning, section } of all) {
    expect(`${key}: ${meaning}`).not.toMatch(/: $/);
    expect(section).not.toBe('');
  }
});

it('a key is found by the row that names it, else by the row that it fits', () => {
  const all = meaningsIn(
    '## Rewards: all\n| `a/<component>/mean`, `a/b/c` | one | two | three |\n| `a/judge/mean` | own | | |',
  );
  const found = meaningsOf(all, ['a/own/mean', 'a/judge/mean', 'z/unknown']);
  expect(found).toEqual([
    { key: 'a/judge/mean', meaning: 'own', healthy: '', otherwise: '', section: 'Rewards' },
    { key: 'a/own/mean', meaning: 'one', healthy: 'two', otherwise: 'three', section: 'Rewards' },
  ]);
});
