/** Prompts and completions as the protocol has them: chunks of tokens and encoded images, and losses on targets. */
import { defined, fail, invariant } from '../../core/errors.ts';
import { toPng } from '../../image/raster.ts';
import type { ImagePatches, Prompt } from '../../model/prompt.ts';
import { bitmapOf } from '../../model/vision/image-processor.ts';
import type { ImageSettings } from '../../model/vision/image-settings.ts';
import type { Datum, InputChunk } from '../../tinker/messages.ts';
import type { Sequence } from '../engine.ts';

/** What of a model says how its images are cut; undefined where it reads none. */
export type ImageReading =
  | { readonly settings: ImageSettings; readonly placeholder: number }
  | undefined;

export type ToChunks = {
  /** A prompt's tokens, every image in place of its placeholders. */
  prompt(prompt: Prompt): Promise<readonly InputChunk[]>;
  /** The whole sequence but for its last token, its targets, and where among them the completion begins. */
  sequence(sequence: Sequence): Promise<{ readonly datum: Datum; readonly start: number }>;
};

/** Images are encoded once, as long as their prompts live. */
export function createChunks(reading: ImageReading): ToChunks {
  const encoded = new WeakMap<ImagePatches, Promise<Uint8Array>>();
  const encode = (image: ImagePatches, settings: ImageSettings) => {
    const known = encoded.get(image) ?? toPng(bitmapOf(image, settings));
    encoded.set(image, known);
    return known;
  };

  const prompt: ToChunks['prompt'] = async ({ tokens, images }) => {
    if (reading === undefined || images.length === 0) return [{ kind: 'text', tokens }];
    const { settings, placeholder } = reading;
    const chunks: InputChunk[] = [];
    let place = 0;
    for (const image of images) {
      const begin = tokens.indexOf(placeholder, place);
      invariant(begin >= 0, 'a prompt has placeholders for each of its images');
      const count = (image.grid.t * image.grid.h * image.grid.w) / settings.mergeSize ** 2;
      if (begin > place) chunks.push({ kind: 'text', tokens: tokens.subarray(place, begin) });
      const data = await encode(image, settings);
      chunks.push({ kind: 'image', data, format: 'png', tokens: count });
      place = begin + count;
    }
    if (place < tokens.length) chunks.push({ kind: 'text', tokens: tokens.subarray(place) });
    return chunks;
  };

  return {
    prompt,
    sequence: async ({ prompt: before, completion }) => {
      const chunks = [...(await prompt(before))];
      const targets = new Int32Array(before.tokens.length + completion.length - 1);
      targets.set(before.tokens.subarray(1));
      targets.set(completion, before.tokens.length - 1);
      const rest = completion.subarray(0, completion.length - 1);
      if (rest.length > 0) {
        const last = chunks.at(-1);
        if (last?.kind === 'text') {
          const tokens = new Int32Array(last.tokens.length + rest.length);
          tokens.set(last.tokens);
          tokens.set(rest, last.tokens.length);
          chunks[chunks.length - 1] = { kind: 'text', tokens };
        } else {
          chunks.push({ kind: 'text', tokens: rest });
        }
      }
      return {
        datum: { input: chunks, targets, lossInputs: {} },
        start: before.tokens.length - 1,
      };
    },
  };
}

/** A datum whose loss is on its completion alone: each list holds 0 before it. */
export function withLossInputs(
  { datum, start }: { readonly datum: Datum; readonly start: number },
  inputs: Readonly<Record<string, Float32Array>>,
): Datum {
  const lists = Object.entries(inputs).map(([name, values]) => {
    const whole = new Float32Array(datum.targets.length);
    whole.set(values, start);
    return [name, whole] as const;
  });
  return { ...datum, lossInputs: Object.fromEntries(lists) };
}

/** @throws MedixError 'engine' where a server loses images and a prompt has some */
export function requireSeen(prompt: Prompt, blind: string | undefined): void {
  if (blind === undefined || prompt.images.length === 0) return;
  fail('engine', {
    where: 'prompt with an image',
    expected: 'a server that reads images, on its sampler and its trainer',
    got: blind,
    next: 'use another server for data with images (docs/remote-engines.md lists them), or data.textOnly=true',
  });
}

export function completionPart(values: Float32Array | undefined, start: number): Float32Array {
  return defined(values, 'logprobs of a sequence').subarray(start);
}
