/** A folder's files as one tar archive (ustar), piece by piece. */
import { join, relative, sep } from 'node:path';
import { entriesBelow, lengthOf, streamFile } from '../../core/files.ts';

const blockBytes = 512;
/** The header has so many bytes for a name. */
const longestName = 100;

/** @throws Error for a name of more than 100 bytes, which no model has */
export async function* tarOf(folder: string): AsyncGenerator<Uint8Array> {
  const paths = (await entriesBelow(folder))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const path of paths) {
    const bytes = await lengthOf(path);
    yield headerOf(relative(folder, path).replaceAll(sep, '/'), bytes);
    yield* streamFile(path);
    yield new Uint8Array((blockBytes - (bytes % blockBytes)) % blockBytes);
  }
  yield new Uint8Array(2 * blockBytes);
}

function headerOf(name: string, bytes: number): Uint8Array {
  if (Buffer.byteLength(name) > longestName) throw new Error(`${name} is too long a name for tar`);
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, digits: number) => {
    header.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  };
  header.write(name, 0);
  octal(0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(bytes, 124, 11);
  octal(0, 136, 11);
  header.write('0', 156, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  // Its own place counts as spaces.
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
