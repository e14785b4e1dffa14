/**
 * Encoded image files to the normalised patches that the vision tower reads.
 *
 * Source: transformers `Qwen2VLImageProcessor` (torchvision backend); the patches of 8-bit images are equal
 * to the last bit. What counts as the image's pixels is decided in decode-image.ts.
 */
import { fail } from '../../core/errors.ts';
import type { ImageFile } from '../../core/sample.ts';
import { decodeImage } from '../../image/decode-image.ts';
import { type Bitmap, resizeBicubic } from '../../image/resample.ts';
import type { ImagePatches } from '../prompt.ts';
import type { ImageSettings } from './image-settings.ts';

/** Longest side over shortest side that is still processed. */
const maxAspectRatio = 200;

/**
 * Decodes, resizes, normalises and cuts an image. The result's patches are
 * [t·h·w, 3·temporalPatch·patch·patch] in merge-block order.
 *
 * Throws a `data` error that names the image when the bytes are not an image, are cut short, or its
 * sides differ by more than a factor of 200.
 */
export async function processImage(
  image: ImageFile,
  settings: ImageSettings,
): Promise<ImagePatches> {
  const bitmap = await decodeImage(image);
  const { width, height } = bitmap;
  const ratio = Math.max(width, height) / Math.min(width, height);
  if (ratio > maxAspectRatio) {
    fail('data', {
      where: `image ${image.name}`,
      expected: `sides that differ by at most a factor of ${maxAspectRatio}`,
      got: `${width} × ${height} pixels`,
      next: 'crop the image or leave its sample out',
    });
  }
  const target = smartResize(width, height, settings);
  return cutPatches(resizeBicubic(bitmap, target.width, target.height), settings);
}

/**
 * The size an image is resized to: multiples of a merged block near the original proportions, with an
 * area between `minPixels` and `maxPixels` where the multiples allow it.
 */
export function smartResize(
  width: number,
  height: number,
  settings: ImageSettings,
): { readonly width: number; readonly height: number } {
  const factor = settings.patchSize * settings.mergeSize;
  const { minPixels, maxPixels } = settings;
  const nearest = {
    width: roundHalfToEven(width / factor) * factor,
    height: roundHalfToEven(height / factor) * factor,
  };
  const area = nearest.width * nearest.height;
  if (area > maxPixels) {
    const shrink = Math.sqrt((height * width) / maxPixels);
    const scaled = (side: number) => Math.max(factor, Math.floor(side / shrink / factor) * factor);
    return { width: scaled(width), height: scaled(height) };
  }
  if (area < minPixels) {
    const enlarge = Math.sqrt(minPixels / (height * width));
    const scaled = (side: number) => Math.ceil((side * enlarge) / factor) * factor;
    return { width: scaled(width), height: scaled(height) };
  }
  return nearest;
}

/** As Python's `round`: image sides of 1.5 blocks become 2, of 2.5 blocks 2. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Rescales to 0…1, normalises and reorders a bitmap whose sides are multiples of a merged block.
 * Order of patches: [h/merge, w/merge, merge, merge]; within a patch: [channel, frame, y, x].
 */
function cutPatches(bitmap: Bitmap, settings: ImageSettings): ImagePatches {
  const { patchSize, temporalPatchSize, mergeSize } = settings;
  const grid = { t: 1, h: bitmap.height / patchSize, w: bitmap.width / patchSize };
  const area = patchSize * patchSize;
  const length = 3 * temporalPatchSize * area;
  const patches = new Float32Array(grid.h * grid.w * length);
  const tables = [0, 1, 2].map((c) => normalised(settings.mean[c]!, settings.std[c]!));
  let offset = 0;
  for (let top = 0; top < grid.h; top += mergeSize) {
    for (let left = 0; left < grid.w; left += mergeSize) {
      for (let inner = 0; inner < mergeSize * mergeSize; inner++, offset += length) {
        const y = (top + Math.floor(inner / mergeSize)) * patchSize;
        const x = (left + (inner % mergeSize)) * patchSize;
        for (let c = 0; c < 3; c++) {
          const start = offset + c * temporalPatchSize * area;
          copyPatch(bitmap, x, y, c, patchSize, tables[c]!, patches.subarray(start, start + area));
          for (let frame = 1; frame < temporalPatchSize; frame++) {
            patches.copyWithin(start + frame * area, start, start + area);
          }
        }
      }
    }
  }
  return { patches, grid };
}

function copyPatch(
  bitmap: Bitmap,
  x: number,
  y: number,
  channel: number,
  size: number,
  table: Float32Array,
  target: Float32Array,
): void {
  for (let row = 0; row < size; row++) {
    let from = ((y + row) * bitmap.width + x) * 3 + channel;
    for (let column = 0; column < size; column++, from += 3) {
      target[row * size + column] = table[bitmap.pixels[from]!]!;
    }
  }
}

/**
 * The pixels that patches were cut from. An image of this size is cut into the same patches again, to the last bit, so
 * it can be sent to whoever cuts by the same settings. Values that no pixel has become the nearest one.
 */
export function bitmapOf({ patches, grid }: ImagePatches, settings: ImageSettings): Bitmap {
  const { patchSize, temporalPatchSize, mergeSize, mean, std } = settings;
  const [height, width] = [grid.h * patchSize, grid.w * patchSize];
  const area = patchSize * patchSize;
  const length = 3 * temporalPatchSize * area;
  // Clamped and rounded to the nearest by the array itself.
  const pixels = new Uint8ClampedArray(width * height * 3);
  let offset = 0;
  for (let top = 0; top < grid.h; top += mergeSize) {
    for (let left = 0; left < grid.w; left += mergeSize) {
      for (let inner = 0; inner < mergeSize * mergeSize; inner++, offset += length) {
        const y = (top + Math.floor(inner / mergeSize)) * patchSize;
        const x = (left + (inner % mergeSize)) * patchSize;
        for (let c = 0; c < 3; c++) {
          const start = offset + c * temporalPatchSize * area;
          for (let i = 0; i < area; i++) {
            const place = (y + Math.floor(i / patchSize)) * width + x + (i % patchSize);
            pixels[place * 3 + c] = 255 * (patches[start + i]! * std[c]! + mean[c]!);
          }
        }
      }
    }
  }
  return { pixels: new Uint8Array(pixels.buffer), width, height, channels: 3 };
}

/** [256] (v − 255·mean) / (255·std), each step in float32: the original folds the rescaling in this way. */
function normalised(mean: number, std: number): Float32Array {
  const center = Math.fround(Math.fround(mean) * 255);
  const spread = Math.fround(Math.fround(std) * 255);
  return Float32Array.from({ length: 256 }, (_, value) => Math.fround(value - center) / spread);
}
