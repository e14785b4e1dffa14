/**
 * Encoded image files, looked at and made anew. What a model sees is decoded by `decode-image.ts`; this is
 * for all else: headers, thumbnails, changed and shown images.
 */
import sharp, { type Sharp } from 'sharp';
import { messageOf } from '../core/errors.ts';
import { oneLine } from '../core/quoted.ts';
import { readHeader, readPixels } from './pixels.ts';
import type { Bitmap } from './resample.ts';

/** What keeps bytes from being decoded as an image, as far as the header shows; undefined where nothing does. */
export async function flawOfHeader(bytes: Uint8Array): Promise<string | undefined> {
  try {
    await readHeader(bytes);
    return undefined;
  } catch (error) {
    return oneLine(messageOf(error));
  }
}

/** `png`, `jpeg`, … as the header says. Rejects where there is none. */
export async function formatOf(bytes: Uint8Array): Promise<string> {
  return (await readHeader(bytes)).format;
}

/** Width and height in pixels as the image is shown, its orientation applied. Rejects without a header. */
export async function shownSize(
  bytes: Uint8Array,
): Promise<{ readonly width: number; readonly height: number }> {
  return (await readHeader(bytes)).autoOrient;
}

/** Pixels as they are shown, transparency kept. Rejects where the file is incomplete. */
export async function shownPixels(bytes: Uint8Array): Promise<Bitmap> {
  const header = await readHeader(bytes);
  if (header.depth !== 'uchar') return readPixels(bytes, header);
  const { data, info } = await sharp(bytes)
    .autoOrient()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return { pixels: data, width, height, channels };
}

/** The same pixels as a PNG file. */
export async function toPng(image: Uint8Array | Bitmap): Promise<Uint8Array> {
  const drawn = image instanceof Uint8Array ? await drawingOf(image) : fromBitmap(image);
  return drawn.png().toBuffer();
}

/** The image as it is shown, to be made into another one; of 8 bits a channel. Rejects without a header. */
async function drawingOf(bytes: Uint8Array): Promise<Sharp> {
  const header = await readHeader(bytes);
  if (header.depth === 'uchar') return sharp(bytes).autoOrient();
  return fromBitmap(await readPixels(bytes, header));
}

function fromBitmap({ pixels, width, height, channels }: Bitmap): Sharp {
  return sharp(pixels, { raw: { width, height, channels: channels as 1 | 2 | 3 | 4 } });
}

/** A PNG file of one colour. */
export function plainPng(
  width: number,
  height: number,
  background: { readonly r: number; readonly g: number; readonly b: number },
): Promise<Uint8Array> {
  return sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
}

/** [side, side] grey levels of the image squeezed into a square; undefined where it cannot be decoded. */
export async function greyThumbnail(
  bytes: Uint8Array,
  side: number,
): Promise<Uint8Array | undefined> {
  try {
    const drawn = await drawingOf(bytes);
    return await drawn
      .flatten()
      .resize(side, side, { fit: 'fill' })
      .greyscale()
      .raw({ depth: 'uchar' })
      .toBuffer();
  } catch {
    return undefined;
  }
}

/**
 * A JPEG for pages, transparency over white. Encoded anew, so that nothing of the file but its pixels gets
 * into the page. Rejects where it cannot be decoded.
 *
 * @param longestSide in pixels; smaller images keep their size
 */
export async function jpegThumbnail(
  bytes: Uint8Array,
  longestSide: number,
): Promise<{ readonly bytes: Uint8Array; readonly width: number; readonly height: number }> {
  const drawn = await drawingOf(bytes);
  const { data, info } = await drawn
    .resize(longestSide, longestSide, { fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .jpeg({ quality: 82 })
    .toBuffer({ resolveWithObject: true });
  return { bytes: data, width: info.width, height: info.height };
}
