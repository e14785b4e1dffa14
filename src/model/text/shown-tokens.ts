/** Tokens as text in which special tokens are visible. */
import type { Tokenizer } from './tokenizer.ts';

/** @returns shows tokens as text; a special token that comes again and again is shown once, with how often */
export function createTokensView(
  tokenizer: Pick<Tokenizer, 'decode' | 'specialTokens'>,
): (tokens: Int32Array) => string {
  const names = new Map([...tokenizer.specialTokens].map(([name, id]) => [id, name]));
  return (tokens) => {
    const parts: string[] = [];
    for (let start = 0; start < tokens.length; ) {
      const name = names.get(tokens[start] ?? -1);
      const end = name === undefined ? endOfText(tokens, start, names) : endOfRun(tokens, start);
      if (name === undefined) parts.push(tokenizer.decode(tokens.subarray(start, end)));
      else parts.push(end - start > 1 ? `${name}×${end - start}` : name);
      start = end;
    }
    return parts.join('');
  };
}

function endOfRun(tokens: Int32Array, start: number): number {
  let end = start + 1;
  while (end < tokens.length && tokens[end] === tokens[start]) end++;
  return end;
}

function endOfText(tokens: Int32Array, start: number, names: ReadonlyMap<number, string>): number {
  let end = start + 1;
  while (end < tokens.length && !names.has(tokens[end] ?? -1)) end++;
  return end;
}
