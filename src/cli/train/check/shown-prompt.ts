/** A prompt as the model is given it: special tokens visible, images as the number of their placeholders. */
import type { ModelFiles } from '../../../model/files/model-files.ts';
import { createTokensView } from '../../../model/text/shown-tokens.ts';
import { createTokenizer } from '../../../model/text/tokenizer.ts';

export function createPromptView(files: ModelFiles): (tokens: Int32Array) => string {
  return createTokensView(createTokenizer(files));
}
