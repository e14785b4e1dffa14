import { createHash } from 'node:crypto';

/** Hexadecimal SHA-256 of a value's JSON; keys keep their order, so callers must build it one way. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
