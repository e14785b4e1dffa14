/** Requests of bounded size: a server takes no more than so many datums or bytes at once. Gradients of parts add up. */
import { type Datum, inputLength } from './messages.ts';

/** Lists of a datum beside its tokens and targets: weights, logprobs and advantages. */
const mostInputs = 3;

/** What a datum takes at most of a request, in either way of writing. */
function bytesOf({ input }: Datum): number {
  const images = input.reduce(
    (sum, chunk) => sum + (chunk.kind === 'image' ? chunk.data.length : 0),
    0,
  );
  // As the official client estimates numbers: 10 characters each.
  const numbers = inputLength(input) * (2 + mostInputs);
  return 10 * numbers + Math.ceil(images / 3) * 4;
}

/**
 * Consecutive parts of a list that hold at most `mostDatums` and `mostBytes`; a datum that is larger has a part of its
 * own.
 */
export function inChunks<T>(
  items: readonly T[],
  datumOf: (item: T) => Datum,
  mostDatums: number,
  mostBytes: number,
): readonly (readonly T[])[] {
  const chunks: T[][] = [];
  let bytes = 0;
  for (const item of items) {
    const own = bytesOf(datumOf(item));
    const open = chunks.at(-1);
    if (open === undefined || open.length >= mostDatums || bytes + own > mostBytes) {
      chunks.push([item]);
      bytes = own;
    } else {
      open.push(item);
      bytes += own;
    }
  }
  return chunks;
}
