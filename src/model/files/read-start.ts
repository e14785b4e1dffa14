/** Beginnings of files that may be anything. */
import { openRegular } from '../../core/files.ts';

/** The first bytes, one character each; empty where the file cannot be read. */
export async function readStart(path: string, length = 32): Promise<string> {
  const file = await openRegular(path).catch(() => undefined);
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
