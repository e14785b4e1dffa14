import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SampleRequest } from '../../engine.ts';
import { batchRequests } from './sampler.ts';

function requestOf({ tokens, rows }: { tokens: number; rows: number }): SampleRequest {
  return {
    prompt: { tokens: new Int32Array(tokens), images: [] },
    keys: Array.from({ length: rows }, (_, row) => `${row}`),
    maxTokens: 1,
    temperature: 1,
    topP: 1,
    topK: 0,
  };
}

it('batches every request once, within the limits on rows and padded prompt tokens', () => {
  const shapes = fc.array(
    fc.record({ tokens: fc.integer({ min: 1, max: 90 }), rows: fc.integer({ min: 1, max: 9 }) }),
  );
  const limits = fc.record({
    maxRows: fc.integer({ min: 1, max: 40 }),
    maxPrefillTokens: fc.integer({ min: 1, max: 400 }),
  });
  fc.assert(
    fc.property(shapes, limits, (shape, { maxRows, maxPrefillTokens }) => {
      const batches = batchRequests(shape.map(requestOf), maxRows, maxPrefillTokens);
      expect(batches.flat().toSorted((a, b) => a - b)).toEqual([...shape.keys()]);
      for (const batch of batches.filter(({ length }) => length > 1)) {
        const rows = batch.reduce((sum, request) => sum + shape[request]!.rows, 0);
        const longest = Math.max(...batch.map((request) => shape[request]!.tokens));
        expect(rows).toBeLessThanOrEqual(maxRows);
        expect(batch.length * longest).toBeLessThanOrEqual(maxPrefillTokens);
      }
    }),
  );
});

it('keeps requests together that fit', () => {
  const requests = Array.from({ length: 6 }, () => requestOf({ tokens: 50, rows: 2 }));
  expect(batchRequests(requests, 12, 300)).toHaveLength(1);
  expect(batchRequests(requests, 8, 300)).toHaveLength(2);
  expect(batchRequests(requests, 12, 299)).toHaveLength(2);
});
