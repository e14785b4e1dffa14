/**
 * Text and images to tokens and back, by a checkpoint's own files. Source: transformers
 * `Qwen3VLProcessor`, and `apply_chat_template` for models that read text alone; the tokens are the same except that
 * special tokens spelled out in a message stay ordinary text (see tokenizer.ts).
 */
import { z } from 'zod';
import { fail, MedixError } from '../core/errors.ts';
import type { ImageFile } from '../core/sample.ts';
import { type ModelFiles, parseModelFile } from './files/model-files.ts';
import type { ModelConfig, VisionConfig } from './geometry.ts';
import type { ImagePatches, Message, Processor } from './prompt.ts';
import { createChatTemplate } from './text/chat-template.ts';
import { createTokensView } from './text/shown-tokens.ts';
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
  const { vision } = config;
  const content = vision === undefined ? 'text' : 'parts';
  const template = createChatTemplate(files, tokenizer.specialTokens.keys(), content);
  const render = (messages: readonly Message[]) =>
    template(messages).flatMap((part) =>
      part.kind === 'text' ? tokenizer.encode(part.text) : [specialToken(tokenizer, part.token)],
    );
  const stopTokens = [...new Set([...endOfTurnToken(files, tokenizer), ...config.tokens.eos])];
  return {
    encode:
      vision === undefined
        ? async (messages) => {
            requireNoImages(messages);
            return { tokens: Int32Array.from(render(messages)), images: [] };
          }
        : encodeImages(render, readAgreeing(files, vision, tokenizer), vision),
    encodeCompletion: (text, end) =>
      Int32Array.from(
        end ? [...tokenizer.encode(text), ...requireEnd(stopTokens)] : tokenizer.encode(text),
      ),
    decode: (tokens) => tokenizer.decode(tokens),
    show: createTokensView(tokenizer),
    stopTokens,
    bannedTokens: vision === undefined ? [] : [vision.tokens.image, vision.tokens.video],
  };
}

function encodeImages(
  render: (messages: readonly Message[]) => readonly number[],
  settings: ImageSettings,
  { tokens }: VisionConfig,
): Processor['encode'] {
  return async (messages) => {
    const images = await Promise.all(
      imagesOf(messages).map((image) => processImage(image, settings)),
    );
    const rendered = render(messages);
    return { tokens: expandImages(rendered, tokens.image, images, settings.mergeSize), images };
  };
}

function imagesOf(messages: readonly Message[]): readonly ImageFile[] {
  return messages.flatMap(({ content }) =>
    content.flatMap((part) => (part.type === 'image' ? [part.image] : [])),
  );
}

function requireNoImages(messages: readonly Message[]): void {
  const [image] = imagesOf(messages);
  if (image === undefined) return;
  fail('data', {
    where: `image ${image.name}`,
    expected: 'a sample without images: the model reads text alone',
    got: 'an image',
    next: 'use a vision-language model, or data without images',
  });
}

/** Files of different models side by side would otherwise fail deep in the graph, or not at all. */
function readAgreeing(
  files: ModelFiles,
  vision: VisionConfig,
  tokenizer: Tokenizer,
): ImageSettings {
  const settings = readImageSettings(files);
  const pairs = [
    ['patch_size', vision.patchSize, settings.patchSize],
    ['temporal_patch_size', vision.temporalPatchSize, settings.temporalPatchSize],
    ['merge_size', vision.spatialMergeSize, settings.mergeSize],
    [`id of ${imageToken}`, vision.tokens.image, specialToken(tokenizer, imageToken)],
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
  return settings;
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
      next: 'use the chat template of the same checkpoint',
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
      next: 'use the tokenizer of the same checkpoint',
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
