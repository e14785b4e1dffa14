/** Bodies compressed by zstd, where this Node has it: from 22.15 on. */
import * as zlib from 'node:zlib';

type Zstd = {
  readonly compress: (bytes: Uint8Array) => Uint8Array;
  /** @throws Error where the bytes are no zstd, or more than so many come out */
  readonly decompress: (bytes: Uint8Array, mostBytes: number) => Uint8Array;
};

/** Not in the types of Node 20, as it is not in Node 20 itself. */
type MaybeZstd = {
  readonly zstdCompressSync?: (bytes: Uint8Array) => Uint8Array;
  readonly zstdDecompressSync?: (
    bytes: Uint8Array,
    options: { readonly maxOutputLength: number },
  ) => Uint8Array;
};

/** Undefined on Node before 22.15. */
export const zstd: Zstd | undefined = zstdOf(zlib as MaybeZstd);

function zstdOf({ zstdCompressSync, zstdDecompressSync }: MaybeZstd): Zstd | undefined {
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return undefined;
  return {
    compress: (bytes) => zstdCompressSync(bytes),
    decompress: (bytes, mostBytes) => zstdDecompressSync(bytes, { maxOutputLength: mostBytes }),
  };
}
