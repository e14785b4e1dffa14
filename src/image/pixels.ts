/**
 * Pixels of an encoded image, 8 bits a channel. Cameras and scanners write more; what they wrote must not
 * come out black:
 * - 16 bits a channel keep their upper 8 bits where their values need 15 or 16 bits. Smaller values are of a
 *   device of 8, 10, 12 or 14 bits, the fewest that hold the largest of them, and keep the upper 8 of those.
 *   (Pillow clips 16 bits instead, which turns most images white.)
 * - 32-bit integers are read like 16-bit ones if their values are; floating-point values are shares of white
 *   from 0 to 1, or 8-bit values if one lies above 1.
 * - Other values (negative ones such as Hounsfield units, NaN, larger ones) have no meaning as grey: refused.
 */
import sharp, { type Metadata, type Sharp } from 'sharp';
import { rasterFormat } from './image-name.ts';
import type { Bitmap } from './resample.ts';

/** Pixels that are decoded at most, 192 MiB in RGB: a file of some kilobytes can promise billions. */
const maxPixels = 2 ** 26;

const known = [
  ['png', 'PNG'],
  ['jpeg', 'JPEG'],
  ['webp', 'WebP'],
  ['gif', 'GIF'],
  ['tiff', 'TIFF'],
  ['heif', 'AVIF'],
  ['jp2', 'JPEG 2000'],
] as const;

/** Formats that this build decodes, as `format` of the header says and as people say. */
const readable = known.filter(([id]) => sharp.format[id]?.input.buffer === true);
const names = readable.map(([, name]) => name);

/** `PNG, JPEG, … or AVIF`, for messages. */
export const readableFormats = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;

/**
 * What the first bytes say of an image. Rejects with a line that says why where it is none that can be
 * decoded: of an unknown format, damaged, or larger than 67 million pixels.
 */
export async function readHeader(bytes: Uint8Array): Promise<Metadata> {
  const format = rasterFormat(bytes);
  // Vector graphics and documents have no pixels that every decoder agrees on.
  if (!format) throw new Error(`no ${readableFormats}`);
  const header = await sharp(bytes, { limitInputPixels: false }).metadata();
  if (!readable.some(([id]) => id === header.format)) throw new Error(`no ${readableFormats}`);
  const { width, height } = header;
  if (!(width > 0 && height > 0)) throw new Error('it has no pixels');
  if (width * height > maxPixels) {
    throw new Error(`${width} × ${height} pixels, more than ${maxPixels}`);
  }
  return header;
}

/**
 * [height, width, 1 to 4 channels] in sRGB as the image is shown, its orientation applied and transparency
 * kept. Rejects where the file is incomplete or its values have no meaning as grey.
 */
export async function readPixels(bytes: Uint8Array, header: Metadata): Promise<Bitmap> {
  const source = () => sharp(bytes, { failOn: 'error', ignoreIcc: true }).autoOrient();
  const deep = header.depth === 'uchar' ? undefined : await fromDeep(source, header);
  if (deep) return deep;
  const { data, info } = await source()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return { pixels: data, width, height, channels };
}

/** Undefined where the upper 8 bits of 16 are right, which the decoder takes by itself. */
async function fromDeep(source: () => Sharp, header: Metadata): Promise<Bitmap | undefined> {
  const { depth, space, hasAlpha } = header;
  if (depth === 'ushort' && (space === 'grey16' || space === 'rgb16')) {
    return fromIntegers(await rawOf(source(), space, 'ushort'), hasAlpha);
  }
  if (depth === 'ushort') return undefined;
  const isGrey = space === 'b-w';
  if ((depth === 'int' || depth === 'uint') && isGrey) {
    return fromIntegers(await rawOf(source(), space, 'float'), hasAlpha, true);
  }
  if (depth === 'float' && (isGrey || space === 'scrgb')) {
    return fromShares(await rawOf(source(), space, 'float'), hasAlpha);
  }
  throw new Error(`pixels of the type ${depth}: store them with 8 bits, or 16 without sign`);
}

/** An image whose channels have more than 8 bits. */
type DeepBitmap = Omit<Bitmap, 'pixels'> & { readonly values: Float32Array | Uint16Array };

async function rawOf(
  source: Sharp,
  space: 'grey16' | 'rgb16' | 'b-w' | 'scrgb',
  depth: 'ushort' | 'float',
): Promise<DeepBitmap> {
  const { data, info } = await source
    .pipelineColourspace(space)
    .toColourspace(space)
    .raw({ depth })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  const values = depth === 'ushort' ? new Uint16Array(buffer) : new Float32Array(buffer);
  return { values, width, height, channels };
}

const deviceBits = [8, 10, 12, 14, 16] as const;

/** @param isWide whether values may need more than 16 bits, and the decoder cannot take the upper 8 */
function fromIntegers(image: DeepBitmap, hasAlpha: boolean, isWide = false): Bitmap | undefined {
  const largest = largestOf(image, hasAlpha);
  const bits = deviceBits.find((fewest) => largest < 2 ** fewest);
  if (bits === undefined) throw new Error(`pixel values up to ${largest}, more than 16 bits`);
  if (bits === 16 && !isWide) return undefined;
  return scaled(image, hasAlpha, 2 ** (8 - bits), 2 ** -8);
}

function fromShares(image: DeepBitmap, hasAlpha: boolean): Bitmap {
  const largest = largestOf(image, hasAlpha);
  if (largest > 255) throw new Error(`pixel values up to ${largest}: scale them to 0 to 255`);
  const scale = largest <= 1 ? 255 : 1;
  return scaled(image, hasAlpha, scale, scale, 0.5);
}

/** The largest value of a colour. Throws where one is negative or no number. */
function largestOf({ values, channels }: DeepBitmap, hasAlpha: boolean): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    if (hasAlpha && i % channels === channels - 1) continue;
    const value = values[i]!;
    if (!(value >= 0)) throw new Error(`a pixel value of ${value}: scale them to 0 to 255`);
    if (value > largest) largest = value;
  }
  return largest;
}

/** Every value by its factor, the fraction cut off after `round` is added. */
function scaled(
  { values, width, height, channels }: DeepBitmap,
  hasAlpha: boolean,
  colour: number,
  alpha: number,
  round = 0,
): Bitmap {
  const pixels = new Uint8ClampedArray(values.length);
  for (let i = 0; i < values.length; i++) {
    const isAlpha = hasAlpha && i % channels === channels - 1;
    pixels[i] = Math.floor(values[i]! * (isAlpha ? alpha : colour) + round);
  }
  return { pixels: new Uint8Array(pixels.buffer), width, height, channels };
}
