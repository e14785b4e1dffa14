import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** Hexadecimal SHA-256 of a value's JSON; keys keep their order, so callers must build it one way. */
export function digestOf(value: unknown): string {
  return digestOfBytes(JSON.stringify(value));
}

/** Hexadecimal SHA-256; of a text, that of its UTF-8. */
export function digestOfBytes(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Hexadecimal SHA-256 of a file's content, read in pieces. Rejects as `fs` does. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
