/** The text of tokens as they are sampled. */

export type TokenText = {
  /** Takes a token; returns the text that is complete by now, often none. */
  add(token: number): string;
  /** The rest, in which a character may have stayed incomplete. */
  end(): string;
};

/**
 * Byte-level tokens may end within a character, which decodes as `\uFFFD` until the rest of it is there:
 * tokens are held back as long as their text ends so. The parts then join to the text of all tokens.
 */
export function createTokenText(decode: (tokens: readonly number[]) => string): TokenText {
  let held: number[] = [];
  const release = () => {
    const text = decode(held);
    held = [];
    return text;
  };
  return {
    add: (token) => {
      held.push(token);
      return decode(held).endsWith('\uFFFD') ? '' : release();
    },
    end: release,
  };
}
