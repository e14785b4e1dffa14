import { timingSafeEqual } from 'node:crypto';
import { digestOfBytes } from '../core/digest.ts';

/** Whether a token is the expected one. Comparing digests takes the same time whatever the lengths are. */
export function tokenMatcher(expected: string): (given: string | undefined) => boolean {
  const wanted = digest(expected);
  return (given) => given !== undefined && timingSafeEqual(digest(given), wanted);
}

function digest(text: string): Buffer {
  return Buffer.from(digestOfBytes(text));
}
