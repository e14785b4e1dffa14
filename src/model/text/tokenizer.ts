/**
 * Byte-level BPE of a model's `tokenizer.json`. Text is *ordinary* unless it is a special token given by
 * id: a question that contains `<|im_end|>` is just characters, so nothing in a data set can end a turn or
 * pretend to be an image. (`transformers` would encode it as the special token: the one deviation.)
 *
 * Added tokens that are not special, e.g. `<think>` of public checkpoints, are single tokens in ordinary
 * text too, as the models were trained.
 */
import { Tokenizer as BpeTokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { fail, messageOf } from '../../core/errors.ts';
import { type ModelFiles, parseModelFile } from '../files/model-files.ts';

export type Tokenizer = {
  /** Text of each special token to its id. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** Tokens of ordinary text; special tokens in it are spelled out. */
  encode(text: string): number[];
  /** Ordinary text of tokens; special tokens and ids outside the vocabulary are left out. */
  decode(tokens: ArrayLike<number>): string;
};

const tokenizerSchema = z.looseObject({
  model: z.looseObject({ type: z.literal('BPE') }),
  decoder: z.looseObject({
    type: z.literal('ByteLevel', {
      error: '"ByteLevel": only byte-level BPE is read here, not e.g. the tokenizer of Llama 2',
    }),
  }),
  added_tokens: z.array(
    z.looseObject({
      id: z.int().nonnegative(),
      content: z.string().min(1),
      special: z.boolean(),
    }),
  ),
});

/**
 * Reads `tokenizer.json`. Throws a `model` error when it is absent or not a byte-level BPE.
 */
export function createTokenizer(files: ModelFiles): Tokenizer {
  const file = parseModelFile(files, 'tokenizer.json', tokenizerSchema);
  const special = file.added_tokens.filter((token) => token.special);
  const specialIds = new Set(special.map((token) => token.id));
  const ordinary = file.added_tokens.filter((token) => !token.special);
  const bpe = create({ ...file, added_tokens: ordinary });
  return {
    specialTokens: new Map(special.map(({ content, id }) => [content, id])),
    encode: (text) => bpe.encode(text, { add_special_tokens: false }).ids,
    decode: (tokens) => {
      const known = Array.from(tokens).filter(
        (token) => !specialIds.has(token) && bpe.id_to_token(token) !== undefined,
      );
      // The package refuses empty lists and would otherwise move punctuation.
      return known.length === 0 ? '' : bpe.decode(known, { clean_up_tokenization_spaces: false });
    },
  };
}

function create(file: object): BpeTokenizer {
  try {
    return new BpeTokenizer(file, {});
  } catch (error) {
    return fail(
      'model',
      {
        where: 'tokenizer.json',
        expected: 'a byte-level BPE tokenizer',
        got: messageOf(error),
        next: 'use the unchanged tokenizer of the checkpoint',
      },
      error,
    );
  }
}
