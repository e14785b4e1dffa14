/** Draws a token from a row of logprobs. */
import type { SampleRequest } from '../../engine.ts';

export type Sampling = Pick<SampleRequest, 'temperature' | 'topP' | 'topK'>;

/**
 * @param logprobs [V] normalised at temperature 1.
 * @param banned tokens that are never drawn.
 * @param uniform in [0, 1); unused where temperature is 0.
 */
export function pickToken(
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
  if (topK > 0 || topP < 1) truncate(row, topP, topK);
  let total = 0;
  for (let token = 0; token < row.length; token++) total += row[token]!;
  let left = uniform * total;
  for (let token = 0; token < row.length; token++) {
    left -= row[token]!;
    if (left < 0) return token;
  }
  return best;
}

/** Zeroes the weights outside the `topK` largest and outside the nucleus of mass `topP`. */
function truncate(weights: Float32Array, topP: number, topK: number): void {
  const order = Uint32Array.from(weights.keys()).sort((a, b) => weights[b]! - weights[a]! || a - b);
  const limit = topK > 0 ? Math.min(topK, order.length) : order.length;
  const total = order.subarray(0, limit).reduce((sum, token) => sum + weights[token]!, 0);
  let mass = 0;
  let kept = 0;
  while (kept < limit && mass < topP * total) mass += weights[order[kept++]!]!;
  for (const token of order.subarray(kept)) weights[token] = 0;
}
