/**
 * The logprob of each token of a completion in about three bytes: how many characters of the text the token makes up,
 * and its logprob in sixteenths of a nat, each as a byte. A page colours a completion by it; it is too coarse to
 * compute with.
 */

/** As it stands in a line: bytes in base64, one a token. */
export type TokenStrip = {
  /** UTF-16 units of the text; a token that ends within a character has 0. */
  readonly lengths: string;
  /** Negative logprobs in sixteenths of a nat; 255 is 15.9 nats or more. */
  readonly logprobs: string;
};

const stepsPerNat = 16;
const most = 255;

/**
 * @param decode the text of tokens, without special tokens
 * @returns undefined where the pieces do not add up to the text, or one is longer than a byte can say
 */
export function tokenStrip(
  text: string,
  tokens: ArrayLike<number> & Iterable<number>,
  logprobs: ArrayLike<number>,
  decode: (tokens: readonly number[]) => string,
): TokenStrip | undefined {
  const lengths: number[] = [];
  let held: number[] = [];
  let done = '';
  for (const [place, token] of [...tokens].entries()) {
    held.push(token);
    const piece = decode(held);
    // A token may end within a character: it waits for those that complete it.
    if (piece.endsWith('\uFFFD') && place < tokens.length - 1) {
      lengths.push(0);
      continue;
    }
    held = [];
    if (piece.length > most) return undefined;
    lengths.push(piece.length);
    done += piece;
  }
  if (done !== text) return undefined;
  const coarse = Array.from(logprobs, (value) =>
    Math.min(most, Math.max(0, Math.round(-value * stepsPerNat))),
  );
  return { lengths: base64(lengths), logprobs: base64(coarse) };
}

/** Null where the strip does not belong to the text. */
export function readTokenStrip(
  text: string,
  { lengths, logprobs }: TokenStrip,
): { readonly text: string; readonly logprob: number }[] | null {
  const [sizes, values] = [Buffer.from(lengths, 'base64'), Buffer.from(logprobs, 'base64')];
  if (sizes.length !== values.length) return null;
  let start = 0;
  const pieces = [...sizes].map((size, place) => {
    const piece = text.slice(start, start + size);
    start += size;
    return { text: piece, logprob: -(values[place] ?? 0) / stepsPerNat || 0 };
  });
  return start === text.length ? pieces : null;
}

function base64(bytes: readonly number[]): string {
  return Buffer.from(bytes).toString('base64');
}
