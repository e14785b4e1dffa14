/**
 * Text to tokens for the scripted engine. Prompts become their character codes; completions are written
 * in a small vocabulary of whole pieces of text, so that a tabular policy can answer in any format.
 */
import { createHash } from 'node:crypto';
import { defined, fail } from '../../core/errors.ts';
import type { Message, Processor } from '../../model/prompt.ts';

/**
 * @param pieces the completion vocabulary; token i is `pieces[i]`, and token `pieces.length` ends a
 *   completion.
 * @throws MedixError 'model' from `encodeCompletion` when the pieces cannot spell a text.
 */
export function createTextProcessor(pieces: readonly string[]): Processor {
  const stop = pieces.length;
  const longestFirst = pieces
    .map((piece, token) => ({ piece, token }))
    .sort((a, b) => b.piece.length - a.piece.length);

  const encodeCompletion = (text: string, end: boolean): Int32Array => {
    const tokens: number[] = [];
    let at = 0;
    while (at < text.length) {
      const match = longestFirst.find(({ piece }) => piece !== '' && text.startsWith(piece, at));
      if (!match) {
        fail('model', {
          where: 'scripted engine: completion',
          expected: `text made of ${pieces.length} known pieces`,
          got: JSON.stringify(text.slice(at, at + 40)),
          next: 'add the missing piece to the vocabulary',
        });
      }
      tokens.push(match.token);
      at += match.piece.length;
    }
    if (end) tokens.push(stop);
    return Int32Array.from(tokens);
  };

  return {
    encode: async (messages) => ({
      tokens: Int32Array.from(promptText(messages), (character) =>
        defined(character.codePointAt(0), 'code point'),
      ),
      images: [],
    }),
    encodeCompletion,
    decode: (tokens) =>
      Array.from(tokens)
        .filter((token) => token !== stop)
        .map((token) => defined(pieces[token], `piece ${token}`))
        .join(''),
    show: (tokens) => Array.from(tokens, (token) => pieces[token] ?? '').join(''),
    stopTokens: [stop],
    bannedTokens: [],
  };
}

/** Images enter as a digest of their bytes: two prompts differ when their images differ. */
function promptText(messages: readonly Message[]): string {
  const parts = messages.flatMap(({ role, content }) => [
    `${role}:`,
    ...content.map((part) =>
      part.type === 'text'
        ? part.text
        : createHash('sha256').update(part.image.bytes).digest('hex').slice(0, 16),
    ),
  ]);
  return parts.join('\n');
}
