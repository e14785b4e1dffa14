/**
 * Text and images to tokens and back, by a checkpoint's own files. Source: transformers
 * `Qwen3VLProcessor`; the tokens are the same except that special tokens spelled out in a message stay
 * ordinary text (see tokenizer.ts).
 */
import { z } from 'zod';
import { fail, MedixError } from '../core/errors.ts';
import type { ModelConfig } from './config.ts';
import { type ModelFiles, parseModelFile } from './files/model-files.ts';
import type { ImagePatches, Processor } from './prompt.ts';
import { createChatTemplate } from './text/chat-template.ts';
import { createTokenizer, type Tokenizer } from './text/tokenizer.ts';
import { processImage } from './vision/image-processor.ts';
import { type ImageSettings, readImageSettings } from './vision/image-settings.ts';

const imageToken = '<|image_pad|>';

/**
 * Builds a processor from the files of a model directory ({@link readModelFiles}) and its config. Throws a
 * `model` error when a file is missing, describes another family or contradicts the config.
 *
 * `encode` throws a `data` error that names an image which cannot be used, and a `model` error when the
 * chat template refuses the messages.
 */
export function createProcessor(files: ModelFiles, config: ModelConfig): Processor {
  const tokenizer = createTokenizer(files);
  const settings = readImageSettings(files);
  checkAgreement(config, settings, specialToken(tokenizer, imageToken));
  const render = createChatTemplate(files, tokenizer.specialTokens.keys());
  const { image, video, eos } = config.tokens;
  const stopTokens = [...new Set([...endOfTurnToken(files, tokenizer), ...eos])];
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
      Int32Array.from(
        end ? [...tokenizer.encode(text), ...requireEnd(stopTokens)] : tokenizer.encode(text),
      ),
    decode: (tokens) => tokenizer.decode(tokens),
    stopTokens,
    bannedTokens: [image, video],
  };
}

/** Files of different models side by side would otherwise fail deep in the graph, or not at all. */
function checkAgreement(config: ModelConfig, settings: ImageSettings, image: number): void {
  const { vision, tokens } = config;
  const pairs = [
    ['patch_size', vision.patchSize, settings.patchSize],
    ['temporal_patch_size', vision.temporalPatchSize, settings.temporalPatchSize],
    ['merge_size', vision.spatialMergeSize, settings.mergeSize],
    [`id of ${imageToken}`, tokens.image, image],
  ] as const;
  const problems = pairs
    .filter(([, inConfig, inFiles]) => inConfig !== inFiles)
    .map(([where, inConfig, inFiles]) => ({
      where: `processor files: ${where}`,
      expected: `${inConfig} as in config.json`,
      got: `${inFiles}`,
      next: 'use the processor and tokenizer files of the same checkpoint',
    }));
  if (problems.length > 0) throw new MedixError('model', problems);
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
  eos_token: z.union([z.string(), z.object({ content: z.string() })]).nullish(),
});

/** Empty where the tokenizer names none. */
function endOfTurnToken(files: ModelFiles, tokenizer: Tokenizer): readonly number[] {
  const { eos_token: token } = parseModelFile(files, 'tokenizer_config.json', endSchema);
  if (!token) return [];
  return [specialToken(tokenizer, typeof token === 'string' ? token : token.content)];
}

/** The first of the stop tokens, as a list. */
function requireEnd([end]: readonly number[]): readonly number[] {
  if (end !== undefined) return [end];
  return fail('model', {
    where: 'tokenizer_config.json: eos_token',
    expected: 'a token that ends a turn, here or as eos_token_id of generation_config.json',
    got: 'none',
    next: 'add eos_token',
  });
}
