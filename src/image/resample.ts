/**
 * Antialiased bicubic resampling of 8-bit images, in the fixed-point arithmetic of the original, so
 * that results are the same to the last bit.
 *
 * Source: torch `upsample_bicubic2d_aa` on uint8 (the resampler behind torchvision, itself after
 * Pillow's): the Keys kernel with a = −0.5, stretched when shrinking; along the width first, then along
 * the height, each rounded to 8 bits; weights in 16-bit integers of the finest precision that fits.
 */
import { invariant } from '../core/errors.ts';

/** An 8-bit image, [height, width, channels] row-major. */
export type Bitmap = {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
};

/** Which inputs make up each output position along one axis. */
type AxisWeights = {
  /** [output] first input position. */
  readonly first: Int32Array;
  /** [output, taps] fixed-point weights, 0 beyond the kernel. */
  readonly weights: Int16Array;
  readonly taps: number;
  /** Binary digits after the point. */
  readonly precision: number;
};

/** The image at another size, in pixels; enlarges and shrinks, each axis on its own. */
export function resizeBicubic(image: Bitmap, width: number, height: number): Bitmap {
  const { channels } = image;
  invariant(
    image.pixels.length === image.width * image.height * channels,
    'a bitmap holds height × width × channels bytes',
  );
  const wide = resampleAxis(image.pixels, image.height, image.width, channels, width);
  const pixels = resampleAxis(wide, 1, image.height, width * channels, height);
  return { pixels, width, height, channels };
}

/** [outer, length, inner] to [outer, newLength, inner]. */
function resampleAxis(
  source: Uint8Array,
  outer: number,
  length: number,
  inner: number,
  newLength: number,
): Uint8Array {
  if (length === newLength) return source;
  const { first, weights, taps, precision } = axisWeights(length, newLength);
  const result = new Uint8Array(outer * newLength * inner);
  const half = 1 << (precision - 1);
  const sums = new Int32Array(inner);
  for (let target = 0; target < outer * newLength; target++) {
    const position = target % newLength;
    const line = (target - position) / newLength;
    sums.fill(half);
    for (let tap = 0; tap < taps; tap++) {
      const weight = weights[position * taps + tap]!;
      // A weight of 0 may lie beyond the edge.
      if (weight === 0) continue;
      const from = (line * length + first[position]! + tap) * inner;
      for (let i = 0; i < inner; i++) sums[i]! += weight * source[from + i]!;
    }
    for (let i = 0; i < inner; i++) {
      result[target * inner + i] = Math.min(Math.max(sums[i]! >> precision, 0), 255);
    }
  }
  return result;
}

function axisWeights(length: number, newLength: number): AxisWeights {
  const scale = length / newLength;
  const stretch = Math.max(scale, 1);
  const support = 2 * stretch;
  const taps = 2 * Math.ceil(support) + 1;
  const first = new Int32Array(newLength);
  const real = new Float64Array(newLength * taps);
  for (let position = 0; position < newLength; position++) {
    const center = scale * (position + 0.5);
    const start = Math.max(Math.trunc(center - support + 0.5), 0);
    const count = Math.min(Math.trunc(center + support + 0.5), length) - start;
    let total = 0;
    for (let tap = 0; tap < count; tap++) {
      const weight = cubic((tap + start - center + 0.5) / stretch);
      real[position * taps + tap] = weight;
      total += weight;
    }
    for (let tap = 0; tap < count; tap++) real[position * taps + tap]! /= total;
    first[position] = start;
  }
  const precision = finestPrecision(real.reduce((largest, w) => Math.max(largest, w), 0));
  const weights = Int16Array.from(real, (w) =>
    Math.trunc(w * 2 ** precision + (w < 0 ? -0.5 : 0.5)),
  );
  return { first, weights, taps, precision };
}

/** Keys' cubic convolution kernel with a = −0.5. */
function cubic(x: number): number {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * a;
  return 0;
}

/** The most binary digits, at most 22, with which the largest weight still fits into 15 bits. */
function finestPrecision(largest: number): number {
  let precision = 0;
  while (precision < 22 && Math.trunc(0.5 + largest * 2 ** (precision + 1)) < 1 << 15) precision++;
  return precision;
}
