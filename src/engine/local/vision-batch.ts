/** Images of a batch as the vision graph takes them. An image object that several prompts hold is read once. */
import { defined } from '../../core/errors.ts';
import { masked } from '../../model/decoder/attention.ts';
import type { RotaryTables } from '../../model/decoder/positions.ts';
import type { ModelConfig, VisionConfig } from '../../model/geometry.ts';
import type { ImagePatches, Prompt } from '../../model/prompt.ts';
import { visionRopeTables } from '../../model/vision/vision-positions.ts';
import type { Bindings } from '../../tensor/dim.ts';
import type { Values } from '../../tensor/program.ts';
import { towerFeeds } from './tower-feeds.ts';

export type VisionBatch = { readonly values: Values; readonly bindings: Bindings };

/**
 * Images, and where their features go among the tokens.
 *
 * @param stride distance between prompts in the token layout [P, stride].
 * @param totalTokens N of the decoder graph; tokens past the prompts are text.
 * @returns undefined where no prompt has an image.
 */
export function visionInputs(
  prompts: readonly Prompt[],
  stride: number,
  totalTokens: number,
  { vision }: ModelConfig,
): VisionBatch | undefined {
  const images = imagesOf(prompts);
  if (images.length === 0) return undefined;
  const tower = defined(vision, 'the vision tower of a model that is given images');
  const { values, bindings } = imageInputs(images, tower);
  const starts = images.map((_, i) => i * bindings['U']!);
  const imageRow = placeImages(prompts, { images, starts }, stride, totalTokens, tower);
  const isText = Float32Array.from(imageRow, (row) => (row === 0 ? 1 : 0));
  return { values: { ...values, isText, imageRow }, bindings };
}

/** Every image object once. */
export function imagesOf(prompts: readonly Prompt[]): ImagePatches[] {
  return [...new Set(prompts.flatMap((prompt) => prompt.images))];
}

/** Tokens that an image becomes. */
export function imageTokens({ grid }: ImagePatches, vision: VisionConfig): number {
  return (grid.t * grid.h * grid.w) / vision.spatialMergeSize ** 2;
}

/** What the vision graph is fed: I images, each padded to the U tokens of the largest. */
export function imageInputs(images: readonly ImagePatches[], vision: VisionConfig): VisionBatch {
  const merge = vision.spatialMergeSize ** 2;
  const merged = images.map((image) => imageTokens(image, vision));
  const U = Math.max(...merged);
  const perImage = U * merge;
  const patchSize = vision.inChannels * vision.temporalPatchSize * vision.patchSize ** 2;
  const headDim = vision.hiddenSize / vision.heads;
  const patches = new Float32Array(images.length * perImage * patchSize);
  const visionCos = new Float32Array(images.length * perImage * headDim);
  const visionSin = new Float32Array(images.length * perImage * headDim);
  const visionBias = new Float32Array(images.length * perImage);
  images.forEach((image, i) => {
    const rotary = rotaryOf(image, vision);
    patches.set(image.patches, i * perImage * patchSize);
    visionCos.set(rotary.cos, i * perImage * headDim);
    visionSin.set(rotary.sin, i * perImage * headDim);
    visionBias.fill(masked, i * perImage + merged[i]! * merge, (i + 1) * perImage);
  });
  const { values, bindings } = towerFeeds(images, perImage, vision);
  return {
    values: { patches, visionCos, visionSin, visionBias, ...values },
    bindings: { I: images.length, U, ...bindings },
  };
}

/**
 * For each token 1 + the row of the image feature that it stands for, 0 for text.
 * @param starts row at which each image's features begin
 */
export function placeImages(
  prompts: readonly Prompt[],
  {
    images,
    starts,
  }: { readonly images: readonly ImagePatches[]; readonly starts: readonly number[] },
  stride: number,
  totalTokens: number,
  vision: VisionConfig,
): Int32Array {
  const imageRow = new Int32Array(totalTokens);
  const order = new Map(images.map((image, i) => [image, i]));
  prompts.forEach((prompt, p) => {
    const rows = prompt.images.flatMap((image) => {
      const start = starts[order.get(image)!]!;
      return Array.from({ length: imageTokens(image, vision) }, (_, j) => 1 + start + j);
    });
    let next = 0;
    prompt.tokens.forEach((token, t) => {
      if (token === vision.tokens.image) imageRow[p * stride + t] = rows[next++]!;
    });
  });
  return imageRow;
}

const rotaryTables = new WeakMap<ImagePatches, RotaryTables>();

function rotaryOf(image: ImagePatches, vision: VisionConfig): RotaryTables {
  const known = rotaryTables.get(image);
  if (known !== undefined) return known;
  const tables = visionRopeTables(image.grid, vision);
  rotaryTables.set(image, tables);
  return tables;
}
