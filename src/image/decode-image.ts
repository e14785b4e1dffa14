/**
 * Image files to 8-bit RGB, as Pillow and transformers see them. Decisions where their ways of loading
 * disagree, or where a choice was due:
 * - EXIF orientation is applied, as transformers' `load_image` does for paths and URLs.
 * - Transparency is composited over white, as its `convert_to_rgb` does for image objects.
 * - Colour profiles are ignored, and CMYK is converted by Pillow's plain formula.
 * - Of an animation or a multi-page file, the first picture counts.
 * - More than 8 bits a channel become 8 as `pixels.ts` says.
 * - Files that are not rasters (SVG, PDF) are refused.
 */
import sharp, { type Metadata } from 'sharp';
import { createLimiter } from '../core/async/limiter.ts';
import { fail, messageOf } from '../core/errors.ts';
import { oneLine } from '../core/quoted.ts';
import type { ImageFile } from '../core/sample.ts';
import { readableFormats, readHeader, readPixels } from './pixels.ts';
import type { Bitmap } from './resample.ts';

/**
 * Throws a `data` error that names the image when the bytes are no image or an incomplete one, promise more
 * than 67 million pixels, or hold values without a meaning as grey.
 */
export async function decodeImage(image: ImageFile): Promise<Bitmap> {
  try {
    const header = await readHeader(image.bytes);
    const isLarge = header.width * header.height > largePixels;
    const leave = isLarge ? await largeImages.acquire(untilDone) : undefined;
    try {
      return await decode(image.bytes, header);
    } finally {
      leave?.();
    }
  } catch (error) {
    return fail(
      'data',
      {
        where: `image ${oneLine(image.name, 100)}`,
        expected: `a complete ${readableFormats} file`,
        got: `${image.bytes.length} bytes (${oneLine(messageOf(error))})`,
        next: 'repair or convert the file, or leave its sample out',
      },
      error,
    );
  }
}

/** Images of more pixels are decoded one after the other, so that a batch of them fits into memory. */
const largePixels = 2 ** 22;
const largeImages = createLimiter(1);
const untilDone = new AbortController().signal;

async function decode(bytes: Uint8Array, header: Metadata): Promise<Bitmap> {
  if (header.space === 'cmyk') return decodeCmyk(bytes);
  const bitmap = await readPixels(bytes, header);
  return { ...bitmap, pixels: toRgb(bitmap.pixels, bitmap.channels), channels: 3 };
}

async function decodeCmyk(bytes: Uint8Array): Promise<Bitmap> {
  const { data, info } = await sharp(bytes, { failOn: 'error', ignoreIcc: true })
    .autoOrient()
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { pixels: cmykToRgb(data), width: info.width, height: info.height, channels: 3 };
}

/** [pixels, 1 to 4 channels] to [pixels, 3]: gray is spread, transparency composited over white. */
function toRgb(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return data;
  const count = data.length / channels;
  const result = new Uint8Array(3 * count);
  const isGray = channels < 3;
  const hasAlpha = channels % 2 === 0;
  for (let pixel = 0; pixel < count; pixel++) {
    const from = pixel * channels;
    const alpha = hasAlpha ? data[from + channels - 1]! : 255;
    for (let c = 0; c < 3; c++) {
      result[3 * pixel + c] = overWhite(data[from + (isGray ? 0 : c)]!, alpha);
    }
  }
  return result;
}

/** round(value · α + 255 · (1 − α)) in Pillow's fixed-point arithmetic (7 extra bits). */
function overWhite(value: number, alpha: number): number {
  const sum = 128 * (value * alpha + 255 * (255 - alpha)) + (128 << 7);
  return ((sum >>> 8) + sum) >>> 15;
}

/** [pixels, 4] to [pixels, 3]: light = white − black, less the ink's share of it. */
function cmykToRgb(data: Uint8Array): Uint8Array {
  const result = new Uint8Array((data.length / 4) * 3);
  for (let pixel = 0; pixel < data.length / 4; pixel++) {
    const light = 255 - data[4 * pixel + 3]!;
    for (let c = 0; c < 3; c++) {
      const product = data[4 * pixel + c]! * light + 128;
      result[3 * pixel + c] = light - (((product >> 8) + product) >> 8);
    }
  }
  return result;
}
