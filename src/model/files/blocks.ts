/** Bytes of a file of weights, read ahead of those who make numbers of them. */
import type { FileHandle } from 'node:fs/promises';
import { fail } from '../../core/errors.ts';
import { readInto } from '../../core/files.ts';
import { reading } from '../../core/reading.ts';

/** Fits, with what is made of it, into the cache of a processor's core. */
const blockBytes = 1 << 20;
/** Blocks that are read while one is worked on. */
const readAhead = 2;

export type Blocks = {
  /** Hands over the bytes from `start` to `end` in blocks, in order; each holds until `use` returns. */
  each(start: number, end: number, use: (block: Uint8Array<ArrayBuffer>) => void): Promise<void>;
};

/** Errors of reading name `path`. */
export function createBlocks(handle: FileHandle, path: string): Blocks {
  const spare: Uint8Array<ArrayBuffer>[] = [];
  const begin = (start: number, end: number) => {
    const buffer = spare.pop() ?? new Uint8Array(blockBytes);
    const read = fill(handle, path, start, buffer.subarray(0, Math.min(blockBytes, end - start)));
    // It is waited for in its turn; until then its failure is nobody's.
    read.catch(() => {});
    return { buffer, read };
  };
  return {
    each: async (start, end, use) => {
      const pending: ReturnType<typeof begin>[] = [];
      let next = start;
      while (next < end || pending.length > 0) {
        while (next < end && pending.length <= readAhead) {
          pending.push(begin(next, end));
          next += blockBytes;
        }
        const first = pending.shift()!;
        use(await first.read);
        spare.push(first.buffer);
      }
    },
  };
}

export async function readBytes(
  handle: FileHandle,
  path: string,
  start: number,
  end: number,
): Promise<ArrayBuffer> {
  return (await fill(handle, path, start, new Uint8Array(end - start))).buffer;
}

async function fill(
  handle: FileHandle,
  path: string,
  start: number,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const filled = await reading(asked(path), () => readInto(handle, bytes, start));
  if (filled < bytes.length) corrupt(path, `${start + bytes.length} bytes`, `${start + filled}`);
  return bytes;
}

/** How errors of reading weights are told. */
export function asked(where: string) {
  return {
    boundary: 'model',
    where,
    expected: 'a readable file',
    next: 'check the model directory',
  } as const;
}

export function corrupt(path: string, expected: string, got: string): never {
  return fail('model', {
    where: path,
    expected,
    got,
    next: 'the file is damaged or of another kind: download or export it again',
  });
}
