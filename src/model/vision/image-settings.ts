/** The image processor's settings: from a model's own files, and for a new model. */
import { z } from 'zod';
import { fail } from '../../core/errors.ts';
import { fewFrames, fewPatches, patchSide } from '../families/patch-sizes.ts';
import { type ModelFiles, parseModelFile } from '../files/model-files.ts';

export type ImageSettings = {
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  /** Frames per patch; a still image is repeated. */
  readonly temporalPatchSize: number;
  /** Patches along each side of a merged block, which becomes one token. */
  readonly mergeSize: number;
  /** Bounds of width × height after resizing. */
  readonly minPixels: number;
  readonly maxPixels: number;
  /** Per channel of RGB, on the scale 0 to 1. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
};

const pixels = z.int().positive();
const channels = z.tuple([z.number(), z.number(), z.number()]);

const settingsSchema = z.object({
  size: z.object({ shortest_edge: pixels.optional(), longest_edge: pixels.optional() }).optional(),
  min_pixels: pixels.nullish(),
  max_pixels: pixels.nullish(),
  patch_size: patchSide,
  temporal_patch_size: fewFrames,
  merge_size: fewPatches,
  image_mean: channels,
  image_std: channels,
  resample: z.literal(3).default(3),
  rescale_factor: z
    .number()
    .refine((factor) => Math.abs(factor * 255 - 1) < 1e-6, { error: 'expected 1/255' })
    .optional(),
  do_resize: z.literal(true).optional(),
  do_rescale: z.literal(true).optional(),
  do_normalize: z.literal(true).optional(),
  do_convert_rgb: z.literal(true).optional(),
});

const bothSchema = z.looseObject({ image_processor: z.unknown().optional() });
const nestedSchema = z.object({ image_processor: settingsSchema });

/** Images are never enlarged beyond this area. */
const largestMinPixels = 2 ** 26;

/**
 * Reads the `image_processor` of the `processor_config.json` that transformers 5 writes, else
 * `preprocessor_config.json`; of both the former counts, as in `transformers`. Throws a `model` error when
 * both are absent, or describe another processing than resizing (bicubic), rescaling by 1/255 and
 * normalising.
 */
export function readImageSettings(files: ModelFiles): ImageSettings {
  const nested = 'processor_config.json';
  const isNested =
    !('preprocessor_config.json' in files) ||
    (nested in files && parseModelFile(files, nested, bothSchema).image_processor !== undefined);
  const name = isNested ? nested : 'preprocessor_config.json';
  const file = isNested
    ? parseModelFile(files, name, nestedSchema).image_processor
    : parseModelFile(files, name, settingsSchema);
  const minPixels = file.min_pixels ?? file.size?.shortest_edge;
  const maxPixels = file.max_pixels ?? file.size?.longest_edge;
  if (
    minPixels === undefined ||
    maxPixels === undefined ||
    minPixels > Math.min(maxPixels, largestMinPixels)
  ) {
    return fail('model', {
      where: `${name}: size`,
      expected: 'shortest_edge ≤ longest_edge (or min_pixels ≤ max_pixels), in pixels of area',
      got: `${minPixels ?? 'none'} and ${maxPixels ?? 'none'}`,
      next: 'use the processor files of the same checkpoint',
    });
  }
  requireUsableScale(name, file.image_mean, file.image_std);
  return {
    patchSize: file.patch_size,
    temporalPatchSize: file.temporal_patch_size,
    mergeSize: file.merge_size,
    minPixels,
    maxPixels,
    mean: file.image_mean,
    std: file.image_std,
  };
}

/** Largest size of a pixel after normalisation; beyond it 32 bits overflow within the network. */
const largestPixel = 1e4;

function requireUsableScale(where: string, mean: readonly number[], std: readonly number[]): void {
  for (const [channel, center] of mean.entries()) {
    const spread = std[channel] ?? 0;
    const ends = [0, 1].map((value) => Math.abs((value - center) / spread));
    if (spread > 0 && ends.every((end) => end <= largestPixel)) continue;
    fail('model', {
      where: `${where}: image_mean and image_std`,
      expected: 'a mean and a deviation above 0 for pixels from 0 to 1, e.g. 0.5 and 0.5',
      got: `${center} and ${spread} for channel ${channel + 1}`,
      next: 'use the processor files of the same checkpoint',
    });
  }
}

/** `preprocessor_config.json` as every version of `transformers` and vLLM reads it. */
export function writeImageSettings(settings: ImageSettings): Readonly<Record<string, unknown>> {
  return {
    image_processor_type: 'Qwen2VLImageProcessor',
    processor_class: 'Qwen3VLProcessor',
    size: { shortest_edge: settings.minPixels, longest_edge: settings.maxPixels },
    patch_size: settings.patchSize,
    temporal_patch_size: settings.temporalPatchSize,
    merge_size: settings.mergeSize,
    image_mean: settings.mean,
    image_std: settings.std,
    resample: 3,
    rescale_factor: 1 / 255,
    do_resize: true,
    do_rescale: true,
    do_normalize: true,
    do_convert_rgb: true,
  };
}
