/** A prompt as the model is given it: special tokens visible, images as the number of their placeholders. */
import type { ModelFiles } from '../../../model/files/model-files.ts';
import { createTokenizer } from '../../../model/text/tokenizer.ts';

/** @returns shows the tokens of a prompt as text; a special token that comes again and again is shown once, with how often */
export function createPromptView(files: ModelFiles): (tokens: Int32Array) => string {
  const tokenizer = createTokenizer(files);
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
