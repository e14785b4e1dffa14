import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SampleRequest } from '../../engine.ts';
import { batchRequests } from './sampler.ts';

const maxTokens = 3;

function requestOf({ tokens, rows }: { tokens: number; rows: number }): SampleRequest {
  return {
    prompt: { tokens: new Int32Array(tokens), images: [] },
    keys: Array.from({ length: rows }, (_, row) => `${row}`),
    maxTokens,
    temperature: 1,
    topP: 1,
    topK: 0,
  };
}

it('batches every request once, within the limits on rows, padded prompt tokens and cached tokens', () => {
  const shapes = fc.array(
    fc.record({ tokens: fc.integer({ min: 1, max: 90 }), rows: fc.integer({ min: 1, max: 9 }) }),
  );
  const limits = fc.record({
    maxRows: fc.integer({ min: 1, max: 40 }),
    maxPrefillTokens: fc.integer({ min: 1, max: 400 }),
    maxCacheTokens: fc.integer({ min: 1, max: 2000 }),
  });
  fc.assert(
    fc.property(shapes, limits, (shape, limits) => {
      const batches = batchRequests(shape.map(requestOf), limits);
      expect(batches.flat().toSorted((a, b) => a - b)).toEqual([...shape.keys()]);
      for (const batch of batches.filter(({ length }) => length > 1)) {
        const rows = batch.reduce((sum, request) => sum + shape[request]!.rows, 0);
        const longest = Math.max(...batch.map((request) => shape[request]!.tokens));
        expect(rows).toBeLessThanOrEqual(limits.maxRows);
        expect(batch.length * longest).toBeLessThanOrEqual(limits.maxPrefillTokens);
        const widest = Math.max(...batch.map((request) => shape[request]!.rows * maxTokens));
        expect(batch.length * (longest + widest)).toBeLessThanOrEqual(limits.maxCacheTokens);
      }
    }),
  );
});

it('keeps requests together that fit', () => {
  const requests = Array.from({ length: 6 }, () => requestOf({ tokens: 50, rows: 2 }));
  const limits = { maxRows: 12, maxPrefillTokens: 300, maxCacheTokens: 6 * (50 + 2 * maxTokens) };
  expect(batchRequests(requests, limits)).toHaveLength(1);
  expect(batchRequests(requests, { ...limits, maxRows: 8 })).toHaveLength(2);
  expect(batchRequests(requests, { ...limits, maxPrefillTokens: 299 })).toHaveLength(2);
  expect(
    batchRequests(requests, { ...limits, maxCacheTokens: 6 * (50 + 2 * maxTokens) - 1 }),
  ).toHaveLength(2);
});
