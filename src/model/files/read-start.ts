/** Beginnings of files that may be anything. */
import { open, stat } from 'node:fs/promises';

/** The first bytes, one character each; empty where the file cannot be read. */
export async function readStart(path: string, length = 32): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  // To open a pipe would wait for its writer.
  if (!found?.isFile()) return '';
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead).toString('latin1');
  } catch {
    return '';
  } finally {
    await file.close();
  }
}
