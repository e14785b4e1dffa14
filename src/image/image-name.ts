/** What kind of image file bytes are, by their first bytes, and the name they are kept under. */
import { digestOfBytes } from '../core/digest.ts';

type Format = {
  /** The usual file ending, without a dot. */
  readonly suffix: string;
  readonly mediaType: string;
};

const png = { suffix: 'png', mediaType: 'image/png' };
const jpeg = { suffix: 'jpg', mediaType: 'image/jpeg' };
const gif = { suffix: 'gif', mediaType: 'image/gif' };
const webp = { suffix: 'webp', mediaType: 'image/webp' };
const tiff = { suffix: 'tif', mediaType: 'image/tiff' };
const bmp = { suffix: 'bmp', mediaType: 'image/bmp' };
const jp2 = { suffix: 'jp2', mediaType: 'image/jp2' };
const heic = { suffix: 'heic', mediaType: 'image/heic' };
const avif = { suffix: 'avif', mediaType: 'image/avif' };

/** The first bytes of each in hexadecimal; a dot stands for any digit. */
const signatures: readonly (readonly [format: Format, start: RegExp])[] = [
  [png, /^89504e470d0a1a0a/],
  [jpeg, /^ffd8ff/],
  [gif, /^47494638(37|39)61/],
  [webp, /^52494646.{8}57454250/],
  [tiff, /^(49492a00|4d4d002a|49492b00|4d4d002b)/],
  // "BM" alone begins many a text: the size of the second header tells.
  [bmp, /^424d.{24}(0c|28|34|38|40|6c|7c)000000/],
  [jp2, /^0000000c6a502020/],
  [heic, /^.{8}66747970(686569|6d696631|6d736631)/],
  [avif, /^.{8}667479706176/],
];

/** The format of an image's file; undefined where the bytes begin like none that is known. */
export function rasterFormat(bytes: Uint8Array): Format | undefined {
  const head = Buffer.from(bytes.subarray(0, 24)).toString('hex');
  return signatures.find(([, start]) => start.test(head))?.[0];
}

/** `<SHA-256>.<ending>`: the same for the same bytes, whatever the file was called; `bin` where unknown. */
export function imageName(bytes: Uint8Array): string {
  return `${digestOfBytes(bytes)}.${rasterFormat(bytes)?.suffix ?? 'bin'}`;
}
