import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Fingerprint } from './fingerprint.ts';
import { createImageIndex } from './image-index.ts';
import { hammingDistance } from './perceptual-hash.ts';

const detail = Int8Array.from({ length: 1024 }, (_, i) => (i * 37) % 101);
const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });

function flip({ high, low }: Fingerprint['hash'], bits: readonly number[]): Fingerprint['hash'] {
  const of = (from: number) =>
    bits.reduce(
      (mask, bit) => (bit >= from && bit < from + 32 ? mask | (1 << (bit - from)) : mask),
      0,
    );
  return { high: (high ^ of(32)) >>> 0, low: (low ^ of(0)) >>> 0 };
}

it('finds a picture whose hash differs in up to 6 bits, wherever they are, and no further one', async () => {
  const bits = fc.uniqueArray(fc.integer({ min: 0, max: 63 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(word, word, bits, async (high, low, flipped) => {
      const index = createImageIndex();
      await index.add(5, 'a', async () => ({ hash: { high, low }, detail }));
      const hash = flip({ high, low }, flipped);
      expect(hammingDistance(hash, { high, low })).toBe(flipped.length);
      const found = index.find('b', { hash, detail });
      expect(found).toEqual({ exact: [], near: flipped.length <= 6 ? [5] : [] });
    }),
    { numRuns: 200, seed: 1 },
  );
});

it('does not take a picture of other detail for the same', async () => {
  const index = createImageIndex();
  const hash = { high: 1, low: 2 };
  await index.add(0, 'a', async () => ({ hash, detail }));
  expect(index.find('b', { hash, detail: detail.toReversed() }).near).toEqual([]);
});

it('finds every sample of a file, as exact only, and looks at the file once', async () => {
  const index = createImageIndex();
  const fingerprint = { hash: { high: 1, low: 2 }, detail };
  let looked = 0;
  for (const sample of [0, 1, 2]) {
    await index.add(sample, 'a', async () => {
      looked++;
      return fingerprint;
    });
  }
  expect(looked).toBe(1);
  expect(index.find('a', fingerprint)).toEqual({ exact: [0, 1, 2], near: [] });
  expect(index.find('a', undefined)).toEqual({ exact: [0, 1, 2], near: [] });
});
