/**
 * Image files to 8-bit RGB, as Pillow and transformers see them. Decisions where their ways of loading
 * disagree, or where a choice was due:
 * - EXIF orientation is applied, as transformers' `load_image` does for paths and URLs.
 * - Transparency is composited over white, as its `convert_to_rgb` does for image objects.
 * - Colour profiles are ignored, and CMYK is converted by Pillow's plain formula.
 * - Of an animation or a multi-page file, the first picture counts.
 * - 16-bit images keep their upper 8 bits (Pillow clips them instead, which turns most of them white).
 * - Files that are not rasters (SVG, PDF) are refused.
 */
import sharp from 'sharp';
import { fail, messageOf } from '../core/errors.ts';
import type { ImageFile } from '../core/sample.ts';
import type { Bitmap } from './resample.ts';

const formats = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'heif', 'jp2'];

/** Throws a `data` error that names the image when the bytes are no image or an incomplete one. */
export async function decodeImage(image: ImageFile): Promise<Bitmap> {
  try {
    const source = sharp(image.bytes, { failOn: 'error', ignoreIcc: true }).autoOrient();
    const { format, space } = await source.metadata();
    if (!formats.includes(format)) throw new Error(`the format ${format} is not supported`);
    const isCmyk = space === 'cmyk';
    const converted = isCmyk
      ? source.pipelineColourspace('cmyk').toColourspace('cmyk')
      : source.toColourspace('srgb');
    const { data, info } = await converted
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const pixels = isCmyk ? cmykToRgb(data) : toRgb(data, info.channels);
    return { pixels, width: info.width, height: info.height, channels: 3 };
  } catch (error) {
    return fail(
      'data',
      {
        where: `image ${image.name}`,
        expected: 'a complete PNG, JPEG, WebP, GIF, TIFF, HEIF or JPEG 2000 file',
        got: `${image.bytes.length} bytes (${messageOf(error)})`,
        next: 'repair the file or leave its sample out',
      },
      error,
    );
  }
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
