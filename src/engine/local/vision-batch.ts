/** Images of a batch as the vision graph takes them. An image object that several prompts hold is read once. */
import type { ModelConfig, VisionConfig } from '../../model/config.ts';
import { masked } from '../../model/decoder/attention.ts';
import type { RotaryTables } from '../../model/decoder/positions.ts';
import type { ImagePatches, Prompt } from '../../model/prompt.ts';
import { positionInterpolation, visionRopeTables } from '../../model/vision/vision-positions.ts';
import type { Bindings } from '../../tensor/dim.ts';
import type { Values } from '../../tensor/program.ts';

export type VisionBatch = { readonly values: Values; readonly bindings: Bindings };

/**
 * @param stride distance between prompts in the token layout [P, stride].
 * @param totalTokens N of the decoder graph; tokens past the prompts are text.
 * @returns undefined where no prompt has an image.
 */
export function visionInputs(
  prompts: readonly Prompt[],
  stride: number,
  totalTokens: number,
  config: ModelConfig,
): VisionBatch | undefined {
  const images = [...new Set(prompts.flatMap((prompt) => prompt.images))];
  if (images.length === 0) return undefined;
  const { vision } = config;
  const merge = vision.spatialMergeSize ** 2;
  const merged = images.map(({ grid }) => (grid.t * grid.h * grid.w) / merge);
  const U = Math.max(...merged);
  const perImage = U * merge;
  const patchSize = vision.inChannels * vision.temporalPatchSize * vision.patchSize ** 2;
  const headDim = vision.hiddenSize / vision.heads;
  const patches = new Float32Array(images.length * perImage * patchSize);
  const interpolation = new Float32Array(images.length * perImage * vision.positions);
  const visionCos = new Float32Array(images.length * perImage * headDim);
  const visionSin = new Float32Array(images.length * perImage * headDim);
  const visionBias = new Float32Array(images.length * perImage);
  images.forEach((image, i) => {
    const geometry = imageGeometry(image, vision);
    patches.set(image.patches, i * perImage * patchSize);
    interpolation.set(geometry.interpolation, i * perImage * vision.positions);
    visionCos.set(geometry.rotary.cos, i * perImage * headDim);
    visionSin.set(geometry.rotary.sin, i * perImage * headDim);
    visionBias.fill(masked, i * perImage + merged[i]! * merge, (i + 1) * perImage);
  });

  const isText = new Float32Array(totalTokens).fill(1);
  const imageRow = new Int32Array(totalTokens);
  const order = new Map(images.map((image, i) => [image, i]));
  prompts.forEach((prompt, p) => {
    const rows = prompt.images.flatMap((image) => {
      const i = order.get(image)!;
      return Array.from({ length: merged[i]! }, (_, j) => 1 + i * U + j);
    });
    let next = 0;
    prompt.tokens.forEach((token, t) => {
      if (token !== config.tokens.image) return;
      isText[p * stride + t] = 0;
      imageRow[p * stride + t] = rows[next++]!;
    });
  });
  return {
    values: {
      patches,
      interpolation,
      visionCos,
      visionSin,
      visionBias,
      isText,
      imageRow,
    },
    bindings: { I: images.length, U },
  };
}

type ImageGeometry = {
  readonly rotary: RotaryTables;
  /** [N, positions] */
  readonly interpolation: Float32Array;
};

const geometryCache = new WeakMap<ImagePatches, ImageGeometry>();

function imageGeometry(image: ImagePatches, vision: VisionConfig): ImageGeometry {
  const known = geometryCache.get(image);
  if (known !== undefined) return known;
  const { indices, weights } = positionInterpolation(image.grid, vision);
  const interpolation = new Float32Array((indices.length / 4) * vision.positions);
  indices.forEach((row, tap) => {
    const at = Math.floor(tap / 4) * vision.positions + row;
    interpolation[at] = interpolation[at]! + weights[tap]!;
  });
  const geometry = { rotary: visionRopeTables(image.grid, vision), interpolation };
  geometryCache.set(image, geometry);
  return geometry;
}
