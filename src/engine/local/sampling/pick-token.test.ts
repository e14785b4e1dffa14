import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../../../core/rng.ts';
import { pickQuickly, type Sampling } from './pick-quickly.ts';
import { pickToken } from './pick-token.ts';

/** The rule, step by step: for the same random number, runs of every version get the same token. */
function pickByRule(
  logprobs: Float32Array,
  { temperature, topP, topK }: Sampling,
  banned: readonly number[],
  uniform: number,
): number {
  const row = logprobs.slice();
  for (const token of banned) row[token] = Number.NEGATIVE_INFINITY;
  let best = 0;
  for (let token = 1; token < row.length; token++) if (row[token]! > row[best]!) best = token;
  if (temperature === 0) return best;
  const top = row[best]!;
  for (let token = 0; token < row.length; token++) {
    row[token] = Math.exp((row[token]! - top) / temperature);
  }
  if (topK > 0 || topP < 1) truncateByRule(row, topP, topK);
  let left = uniform * row.reduce((sum, weight) => sum + weight, 0);
  for (let token = 0; token < row.length; token++) {
    left -= row[token]!;
    if (left < 0) return token;
  }
  return best;
}

function truncateByRule(weights: Float32Array, topP: number, topK: number): void {
  const order = Uint32Array.from(weights.keys()).sort((a, b) => weights[b]! - weights[a]! || a - b);
  const limit = topK > 0 ? Math.min(topK, order.length) : order.length;
  const total = order.subarray(0, limit).reduce((sum, token) => sum + weights[token]!, 0);
  let [mass, kept] = [0, 0];
  while (kept < limit && mass < topP * total) mass += weights[order[kept++]!]!;
  for (const token of order.subarray(kept)) weights[token] = 0;
}

/** Logprobs of scores; `grain` > 0 makes equals of near ones. */
function rowOf(size: number, spread: number, grain: number, key: string): Float32Array {
  const rng = rngFromKey(key);
  const scores = Float64Array.from({ length: size }, () => {
    const score = spread * rng.normal();
    return grain > 0 ? grain * Math.round(score / grain) : score;
  });
  const top = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  const norm = top + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - top), 0));
  return Float32Array.from(scores, (score) => score - norm);
}

/** The sum of some first weights, as a share of all. */
function edgeOf(row: Float32Array, temperature: number, near: number): number {
  const weights = Array.from(row, (value) => Math.exp(value / (temperature || 1)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const count = Math.ceil(near * row.length);
  return weights.slice(0, count).reduce((sum, weight) => sum + weight, 0) / total;
}

const samplings: readonly Sampling[] = [
  { temperature: 1, topP: 1, topK: 0 },
  { temperature: 0, topP: 1, topK: 0 },
  { temperature: 0.05, topP: 1, topK: 0 },
  { temperature: 0.7, topP: 0.8, topK: 20 },
  { temperature: 1, topP: 0.95, topK: 0 },
  { temperature: 1, topP: 1, topK: 1 },
  { temperature: 1.8, topP: 1, topK: 50 },
  { temperature: 20, topP: 0.5, topK: 1e6 },
  { temperature: 1, topP: 1e-9, topK: 0 },
];

describe('a token picked at random', () => {
  it('is the one that the rule gives, whatever the logprobs and the settings', () => {
    const share = fc.double({ min: 0, max: 1 - 2 ** -32, noNaN: true });
    const cases = fc.record({
      size: fc.oneof(fc.integer({ min: 2, max: 40 }), fc.integer({ min: 250, max: 1200 })),
      spread: fc.constantFrom(1e-7, 1e-3, 0.3, 1, 3, 10, 60),
      grain: fc.constantFrom(0, 0, 1e-7, 0.01, 1),
      key: fc.string(),
      banned: fc.array(fc.nat({ max: 1 })),
      temperature: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0.01, max: 5, noNaN: true })),
      topP: fc.oneof(fc.constantFrom(1, 0.95), share),
      topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 60 })),
      uniform: fc.oneof(fc.constantFrom(0, 1 - 2 ** -32), share),
      edge: fc.constantFrom('none', 'none', 'uniform', 'topP'),
      off: fc.constantFrom(0, 1e-16, -1e-16, 1e-11, -1e-11, 1e-9, -1e-9, 5e-8, -5e-8),
    });
    const check = fc.property(cases, ({ size, spread, grain, key, edge, off, ...one }) => {
      const row = rowOf(size, spread, grain, key);
      if (row.every((value) => value === row[0])) return;
      const before = row.slice();
      const sampling = { ...one };
      // Where one token ends and the next begins.
      if (edge === 'uniform') sampling.uniform = edgeOf(row, one.temperature, one.uniform) + off;
      if (edge === 'topP') {
        const sorted = row.toSorted().reverse();
        sampling.topP = edgeOf(sorted, one.temperature, one.topP) + off;
      }
      const { uniform, banned } = sampling;
      const expected = pickByRule(row, sampling, banned, uniform);
      expect(pickToken(row, sampling, banned, uniform)).toBe(expected);
      expect(row).toEqual(before);
    });
    fc.assert(check, { numRuns: 1500 });
  });

  it.each(samplings)('is the same over a whole vocabulary: %o', (sampling) => {
    for (const [i, spread] of [0.02, 1, 4].entries()) {
      const row = rowOf(151_936, spread, 0, `${i}`);
      const uniform = rngFromKey(`uniform/${i}`).next();
      const banned = [0, 151_000 + i];
      expect(pickToken(row, sampling, banned, uniform)).toBe(
        pickByRule(row, sampling, banned, uniform),
      );
    }
  });

  it('needs the slow way seldom', () => {
    const quickly = (sampling: Sampling, spread: number) => {
      const row = rowOf(20_000, spread, 0, 'row');
      const rng = rngFromKey('uniform');
      const picks = Array.from({ length: 200 }, () => pickQuickly(row, sampling, rng.next()));
      return picks.filter((token) => token !== undefined).length / picks.length;
    };
    for (const spread of [1, 3]) {
      for (const sampling of samplings.slice(3, 7)) {
        expect(quickly(sampling, spread), JSON.stringify(sampling)).toBeGreaterThan(0.95);
      }
    }
  });

  it('is never a banned one, unless all are', () => {
    const row = rowOf(10, 1, 0, 'ten');
    const banned = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    for (const sampling of samplings) expect(pickToken(row, sampling, banned, 0.4)).toBe(9);
  });

  it('is none where a logprob is not finite or all are the same', () => {
    for (const sampling of samplings) {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const row = rowOf(600, 1, 0, 'row');
        row[300] = value;
        expect(pickToken(row, sampling, [300], 0.5)).toBeUndefined();
      }
      expect(pickToken(new Float32Array(600).fill(-6), sampling, [], 0.5)).toBeUndefined();
    }
  });
});
