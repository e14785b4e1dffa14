/**
 * Text and images to tokens and back, by a checkpoint's own files. Source: transformers
 * `Qwen3VLProcessor`; the tokens are the same except that special tokens spelled out in a message stay
 * ordinary text (see tokenizer.ts).
 */
import { z } from 'zod';
import { fail } from '../core/errors.ts';
import { createChatTemplate } from './chat-template.ts';
import { generationSchema } from './config-schema.ts';
import { processImage } from './image-processor.ts';
import { readImageSettings } from './image-settings.ts';
import { type ModelFiles, parseModelFile } from './model-files.ts';
import type { ImagePatches, Processor } from './prompt.ts';
import { createTokenizer, type Tokenizer } from './tokenizer.ts';

const imageToken = '<|image_pad|>';
const videoToken = '<|video_pad|>';

/**
 * Builds a processor from the files of a model directory ({@link readModelFiles}). Throws a `model` error
 * when a file is missing or describes another family.
 *
 * `encode` throws a `data` error that names an image which cannot be used, and a `model` error when the
 * chat template refuses the messages.
 */
export function createProcessor(files: ModelFiles): Processor {
  const tokenizer = createTokenizer(files);
  const settings = readImageSettings(files);
  const render = createChatTemplate(files, tokenizer.specialTokens.keys());
  const image = specialToken(tokenizer, imageToken);
  const video = specialToken(tokenizer, videoToken);
  const endOfTurn = endOfTurnToken(files, tokenizer);
  return {
    async encode(messages) {
      const images = await Promise.all(
        messages.flatMap(({ content }) =>
          content.flatMap((part) =>
            part.type === 'image' ? [processImage(part.image, settings)] : [],
          ),
        ),
      );
      const template = render(messages).flatMap((part) =>
        part.kind === 'text' ? tokenizer.encode(part.text) : [specialToken(tokenizer, part.token)],
      );
      return { tokens: expandImages(template, image, images, settings.mergeSize), images };
    },
    encodeCompletion: (text, end) =>
      Int32Array.from(end ? [...tokenizer.encode(text), endOfTurn] : tokenizer.encode(text)),
    decode: (tokens) => tokenizer.decode(tokens),
    stopTokens: stopTokens(files, endOfTurn),
    bannedTokens: [image, video],
  };
}

/** Replaces each image placeholder by one for every merged block of its image. */
function expandImages(
  tokens: readonly number[],
  placeholder: number,
  images: readonly ImagePatches[],
  mergeSize: number,
): Int32Array {
  const found = tokens.filter((token) => token === placeholder).length;
  if (found !== images.length) {
    fail('model', {
      where: 'chat template',
      expected: `one ${imageToken} for each of ${images.length} images`,
      got: `${found}`,
      next: 'use the chat template of a Qwen3-VL checkpoint',
    });
  }
  let next = 0;
  return Int32Array.from(
    tokens.flatMap((token) => {
      if (token !== placeholder) return token;
      const { t, h, w } = images[next++]!.grid;
      return Array.from({ length: (t * h * w) / mergeSize ** 2 }, () => placeholder);
    }),
  );
}

function specialToken(tokenizer: Tokenizer, token: string): number {
  return (
    tokenizer.specialTokens.get(token) ??
    fail('model', {
      where: 'tokenizer.json: added_tokens',
      expected: `the special token ${token}`,
      got: 'none',
      next: 'use the tokenizer of a Qwen3-VL checkpoint',
    })
  );
}

const endSchema = z.looseObject({
  eos_token: z.union([z.string(), z.object({ content: z.string() })]),
});

function endOfTurnToken(files: ModelFiles, tokenizer: Tokenizer): number {
  const { eos_token: token } = parseModelFile(files, 'tokenizer_config.json', endSchema);
  return specialToken(tokenizer, typeof token === 'string' ? token : token.content);
}

/** The end of a turn, and what `generation_config.json` adds to it. */
function stopTokens(files: ModelFiles, endOfTurn: number): readonly number[] {
  if (!('generation_config.json' in files)) return [endOfTurn];
  const { eos_token_id: eos } = parseModelFile(files, 'generation_config.json', generationSchema);
  return [...new Set([endOfTurn, ...(eos === undefined || eos === null ? [] : [eos].flat())])];
}
