/** Lines of bytes that may come from anybody: a file without line ends shall not fill the memory. */

/** A row may hold images in base64. */
export const longestLine = 2 ** 28;

/** Bytes that came in parts. */
export type Gathering = {
  add(part: Uint8Array): void;
  /** All that was added since the last call; undefined where it was too much. */
  take(): Buffer | undefined;
};

/** @param most bytes that are kept. @default 2^28 */
export function createGathering(most = longestLine): Gathering {
  let parts: Uint8Array[] = [];
  let size = 0;
  return {
    add: (part) => {
      size += part.length;
      if (size > most) parts = [];
      else parts.push(part);
    },
    take: () => {
      const taken = size > most ? undefined : Buffer.concat(parts);
      parts = [];
      size = 0;
      return taken;
    },
  };
}

export type Line = {
  /** Bytes before it. */
  readonly offset: number;
  /** Bytes without the line feed. */
  readonly length: number;
  /** Undefined where there are more than a line may have. */
  readonly bytes: Buffer | undefined;
  /** Whether a line feed ends it. */
  readonly isWhole: boolean;
};

const lineFeed = 0x0a;

/**
 * Splits at line feeds only: `node:readline` would also split at U+2028, which JSON text may hold.
 * @param longest bytes of a line that are kept. @default 2^28
 */
export async function* linesIn(
  pieces: AsyncIterable<Uint8Array>,
  longest = longestLine,
): AsyncGenerator<Line> {
  const line = createGathering(longest);
  let offset = 0;
  let length = 0;
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf(lineFeed); end >= 0; end = piece.indexOf(lineFeed, start)) {
      line.add(piece.subarray(start, end));
      length += end - start;
      yield { offset, length, bytes: line.take(), isWhole: true };
      offset += length + 1;
      length = 0;
      start = end + 1;
    }
    line.add(piece.subarray(start));
    length += piece.length - start;
  }
  if (length > 0) yield { offset, length, bytes: line.take(), isWhole: false };
}
