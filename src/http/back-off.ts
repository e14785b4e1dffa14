/** How long to wait before the same is asked again. */
import type { Rng } from '../core/rng.ts';

const firstBackOffMs = 500;
const longestBackOffMs = 30_000;

/** Doubles with every attempt; spread by ±50 %, so that requests that failed together part ways. */
export function backOffMs(attempt: number, rng: Rng): number {
  return Math.min(longestBackOffMs, firstBackOffMs * 2 ** (attempt - 1) * (0.5 + rng.next()));
}
