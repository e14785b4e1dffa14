/** Chunks to tokens and images, and sequences cut so that an engine gives the logprob of every text token. */
import { createMemory } from '../../core/async/memory.ts';
import { digestOfBytes } from '../../core/digest.ts';
import type { Sequence } from '../../engine/engine.ts';
import type { ImageReading } from '../../engine/tinker/datums.ts';
import type { ImagePatches, Prompt } from '../../model/prompt.ts';
import { processImage } from '../../model/vision/image-processor.ts';
import type { ReceivedChunk } from '../../tinker/server-protobuf.ts';
import { Refusal } from './refusal.ts';

export type ReadInput = {
  /** Every image expanded to its placeholders. */
  readonly tokens: Int32Array;
  readonly images: readonly PlacedImage[];
};

type PlacedImage = {
  readonly patches: ImagePatches;
  readonly digest: string;
  /** First token, and the one behind the last. */
  readonly start: number;
  readonly end: number;
};

export type InputReader = {
  /** @throws Refusal 400 with the chunk that cannot be read */
  read(chunks: readonly ReceivedChunk[]): Promise<ReadInput>;
  /** @throws Refusal 400 for what is no token of the vocabulary, or stands for an image */
  requireTokens(tokens: ArrayLike<number>, where: string): void;
};

/** Images whose patches are kept: a group's completions all bring the same ones. */
const keptImages = 64;

export function createInputReader(
  reading: ImageReading,
  vocabulary: { readonly size: number; readonly banned: readonly number[] },
): InputReader {
  const known = createMemory<Promise<ImagePatches>>(keptImages);
  const banned = new Set(vocabulary.banned);

  const requireTokens: InputReader['requireTokens'] = (tokens, where) => {
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i] ?? -1;
      if (token < 0 || token >= vocabulary.size) {
        throw new Refusal(
          400,
          `${where}: expected tokens from 0 to ${vocabulary.size - 1}, got ${token} at ${i}; check the tokenizer`,
        );
      }
      if (banned.has(token)) {
        throw new Refusal(
          400,
          `${where}: the token ${token} at ${i} stands for an image or video; send the image as a chunk of its own`,
        );
      }
    }
  };

  const readImage = async (data: Uint8Array, expected: number | undefined, where: string) => {
    if (reading === undefined) {
      throw new Refusal(400, `${where}: an image, but this model reads text alone`);
    }
    const digest = digestOfBytes(data);
    const patches =
      known.get(digest) ?? processImage({ name: where, bytes: data }, reading.settings);
    known.put(digest, patches);
    const { grid } = await patches.catch((error: Error) => {
      throw new Refusal(400, error.message);
    });
    const count = (grid.t * grid.h * grid.w) / reading.settings.mergeSize ** 2;
    if (expected !== undefined && expected !== count) {
      throw new Refusal(
        400,
        `${where}: expected_tokens is ${expected}, but the image takes ${count} tokens of this model; send ${count}, or leave the field out`,
      );
    }
    return { patches: await patches, digest, count, placeholder: reading.placeholder };
  };

  return {
    requireTokens,
    read: async (chunks) => {
      const tokens: number[] = [];
      const images: PlacedImage[] = [];
      for (const [i, chunk] of chunks.entries()) {
        const where = `chunk ${i}`;
        if (chunk.kind === 'text') {
          requireTokens(chunk.tokens, where);
          for (const token of chunk.tokens) tokens.push(token);
        } else if (chunk.kind === 'image') {
          const { patches, digest, count, placeholder } = await readImage(
            chunk.data,
            chunk.tokens,
            where,
          );
          const start = tokens.length;
          for (let n = 0; n < count; n++) tokens.push(placeholder);
          images.push({ patches, digest, start, end: start + count });
        } else {
          throw new Refusal(
            400,
            `${where}: ${reasons[chunk.name] ?? `a chunk of the kind ${chunk.name} cannot be read`}`,
          );
        }
      }
      if (tokens.length === 0) throw new Refusal(400, 'expected tokens or images, got none');
      return { tokens: Int32Array.from(tokens), images };
    },
  };
}

const reasons: Readonly<Record<string, string>> = {
  image_asset_pointer:
    'an image by its address; this service fetches nothing, send the file in a chunk of the type "image"',
  dmel: 'sound; this model reads text and images',
};

/** A stretch of text of a sequence: what an engine scores at once, since images may stand in prompts alone. */
export type Stretch = {
  readonly sequence: Sequence;
  /** Where in the sequence its completion begins. */
  readonly start: number;
};

/**
 * Cuts a sequence at its images. A token's logprob depends on what is before it alone, so the stretches have together
 * those of the whole. Placeholders of images have none.
 *
 * @param from tokens before it are not asked for; from 1, since the first token follows nothing
 * @param prompts equal prompts become one object, which an engine computes once
 */
export function stretchesOf(
  { tokens, images }: ReadInput,
  from: number,
  prompts: Map<string, Prompt>,
): readonly Stretch[] {
  const stretches: Stretch[] = [];
  for (let seen = 0; seen <= images.length; seen++) {
    const start = Math.max(from, 1, images[seen - 1]?.end ?? 0);
    const end = images[seen]?.start ?? tokens.length;
    if (end <= start) continue;
    const shown = images.slice(0, seen);
    const before = tokens.slice(0, start);
    const key = [
      digestOfBytes(new Uint8Array(before.buffer)),
      ...shown.map(({ digest }) => digest),
    ].join();
    const prompt = prompts.get(key) ?? {
      tokens: before,
      images: shown.map(({ patches }) => patches),
    };
    prompts.set(key, prompt);
    stretches.push({ sequence: { prompt, completion: tokens.slice(start, end) }, start });
  }
  return stretches;
}

export function promptOf({ tokens, images }: ReadInput): Prompt {
  return { tokens, images: images.map(({ patches }) => patches) };
}
