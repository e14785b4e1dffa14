/** Draws a token from a row of logprobs. */
import { allFinite, differ } from './not-finite.ts';
import { pickQuickly, type Sampling } from './pick-quickly.ts';

/**
 * @param logprobs [V] normalised at temperature 1.
 * @param banned tokens that are never drawn.
 * @param uniform in [0, 1); unused where temperature is 0.
 * @returns undefined where the logprobs are none: NaN, infinite, or the same for all, which is what is left
 *   where a norm divides by a number beyond 32 bits.
 */
export function pickToken(
  logprobs: Float32Array,
  sampling: Sampling,
  banned: readonly number[],
  uniform: number,
): number | undefined {
  if (logprobs.length > 1 && !differ(logprobs)) return undefined;
  const hidden = banned.map((token) => logprobs[token]!);
  if (!hidden.every(Number.isFinite)) return undefined;
  // A copy would take longer than the rest.
  for (const token of banned) logprobs[token] = lowest;
  try {
    return pick(logprobs, sampling, uniform);
  } finally {
    for (const [i, token] of banned.entries()) logprobs[token] = hidden[i]!;
  }
}

/** Of a banned token: the lowest finite float32. */
const lowest = -3.4028234663852886e38;

function pick(logprobs: Float32Array, sampling: Sampling, uniform: number): number | undefined {
  const token = sampling.temperature > 0 ? pickQuickly(logprobs, sampling, uniform) : undefined;
  if (token !== undefined || !allFinite(logprobs)) return token;
  return pickByDefinition(logprobs, sampling, uniform);
}

/** Reused from row to row: weights, and tokens in the order in which truncation keeps them. */
let weights = new Float32Array(0);
let order = new Float64Array(0);

/**
 * The token at which the sum of the weights, in the order of tokens, passes `uniform` of the whole. Weights are
 * rounded to 32 bits; those that truncation drops are 0. Without any, the likeliest token.
 */
function pickByDefinition(
  logprobs: Float32Array,
  { temperature, topP, topK }: Sampling,
  uniform: number,
): number {
  let best = 0;
  for (let token = 1; token < logprobs.length; token++) {
    if (logprobs[token]! > logprobs[best]!) best = token;
  }
  const top = logprobs[best]!;
  if (temperature === 0 || top === lowest) return best;
  if (weights.length !== logprobs.length) weights = new Float32Array(logprobs.length);
  for (let token = 0; token < weights.length; token++) {
    weights[token] = Math.exp((logprobs[token]! - top) / temperature);
  }
  if (topK > 0 || topP < 1) truncate(weights, topP, topK);
  let total = 0;
  for (let token = 0; token < weights.length; token++) total += weights[token]!;
  let left = uniform * total;
  for (let token = 0; token < weights.length; token++) {
    left -= weights[token]!;
    if (left < 0) return token;
  }
  return best;
}

const bitsOfOne = 0x3f800000;

/** Zeroes the weights outside the `topK` largest and outside the nucleus of mass `topP`. */
function truncate(weights: Float32Array, topP: number, topK: number): void {
  const size = weights.length;
  if (order.length !== size) order = new Float64Array(size);
  // Weights from 0 to 1 are in the order of their bits; among equals the first token comes first.
  const bits = new Int32Array(weights.buffer);
  for (let token = 0; token < size; token++) {
    order[token] = (bitsOfOne - bits[token]!) * size + token;
  }
  order.sort();
  const limit = topK > 0 ? Math.min(topK, size) : size;
  let total = 0;
  for (let i = 0; i < limit; i++) total += weights[order[i]! % size]!;
  let mass = 0;
  let kept = 0;
  while (kept < limit && mass < topP * total) mass += weights[order[kept++]! % size]!;
  for (let i = kept; i < size; i++) weights[order[i]! % size] = 0;
}
