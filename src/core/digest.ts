/** The one place that hashes. Digests are SHA-256 in hexadecimal digits unless the name says otherwise. */
import { createHash, type Hash } from 'node:crypto';
import { streamFile } from './files.ts';

/**
 * Digest of a value's JSON; keys keep their order, so callers must always build the value in the same
 * order.
 */
export function digestOf(value: unknown): string {
  return digestOfBytes(JSON.stringify(value));
}

/** Digest of a text's UTF-8. */
export function digestOfBytes(
  bytes: string | Uint8Array,
  encoding: 'hex' | 'base64' = 'hex',
): string {
  return createHash('sha256').update(bytes).digest(encoding);
}

/**
 * Digest of a file's content, read in pieces. Rejects with the signal's reason.
 * @throws MedixError where it cannot be read
 */
export async function digestOfFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createDigest();
  for await (const piece of streamFile(path)) {
    signal?.throwIfAborted();
    hash.update(piece);
  }
  return hash.digest('hex');
}

/** SHA-256 of what is added by `update`, piece by piece; `digest('hex')` ends it. */
export function createDigest(): Hash {
  return createHash('sha256');
}

/** The digest that git gives a file of `size` bytes, of its bytes as they are added by `update`. */
export function createGitDigest(size: number): Hash {
  return createHash('sha1').update(`blob ${size}\0`);
}

/** MD5 of a text, where a foreign naming scheme asks for it; not for trust. */
export function md5OfText(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
