/**
 * An image as a row of data names it: bytes, base64, a data URL, or the path of a file. Rows come from
 * strangers and images go to servers, so that a row must not name any other file of this machine: only a
 * regular file below one folder counts, symbolic links followed, and only if it is an image by its bytes.
 */
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { openRegular, readInto, realPathOf } from '../core/files.ts';
import { oneLine, quoted } from '../core/quoted.ts';
import { refusalOf } from '../core/reading.ts';
import type { ImageFile } from '../core/sample.ts';
import { decodeUtf8 } from '../core/utf8.ts';
import { rasterFormat } from './image-name.ts';

export type NamedImage =
  | { readonly kind: 'image'; readonly image: ImageFile }
  /** `missing`: nothing is named, or nothing is there. The problem is one short line without the image. */
  | { readonly kind: 'missing' | 'unusable'; readonly problem: string };

/** What an entry of an image column holds, before any file is opened. */
export type ImageEntry =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly path: string | undefined }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'missing'; readonly problem: string }
  | { readonly kind: 'other'; readonly problem: string };

/** `head`: the first bytes of a file, by which its format is known. */
type ImageExtent = 'whole' | 'head';

const headBytes = 64;

/** Larger files are no images to ask a model about. */
const maxFileBytes = 2 ** 27;

/** The images that a column's value holds: one, or any in a list; without those that are null or empty. */
export function imagesIn(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(imagesIn);
  return value === undefined || value === null || value === '' ? [] : [value];
}

/**
 * Reads `{bytes, path}` as Hugging Face writes images, bytes alone, or a text: base64 (wrapped or unpadded
 * too), a data URL of base64, else a path.
 */
export function imageEntry(value: unknown): ImageEntry {
  if (value === undefined || value === null || value === '') return nothingNamed;
  if (typeof value === 'string' || value instanceof Uint8Array) return ofText(value);
  return typeof value === 'object' && !Array.isArray(value) ? ofParts(value) : otherThing;
}

function ofParts(parts: { readonly bytes?: unknown; readonly path?: unknown }): ImageEntry {
  const { bytes } = parts;
  const path = parts.path instanceof Uint8Array ? decodeUtf8(parts.path) : parts.path;
  const name = typeof path === 'string' && path !== '' ? path : undefined;
  if (bytes === undefined || bytes === null || bytes === '') {
    return name === undefined ? nothingNamed : ofText(name);
  }
  if (bytes instanceof Uint8Array) return { kind: 'bytes', bytes, path: name };
  if (typeof bytes !== 'string') return otherThing;
  const decoded = imageOfText(bytes);
  if (decoded) return { kind: 'bytes', bytes: decoded, path: name };
  return { kind: 'other', problem: `bytes of ${bytes.length} characters that are no base64` };
}

/**
 * The image of an entry.
 *
 * @param root folder in which files must lie, and from which relative paths start; undefined where rows may
 *   name no files
 * @param extent how much of a file is read. @default whole
 * @param candidates paths to look for below the root, the first that exists counts. @default the entry's own
 */
export async function readNamedImage(
  value: unknown,
  root: string | undefined,
  extent: ImageExtent = 'whole',
  candidates: (path: string) => readonly string[] = (path) => [path],
): Promise<NamedImage> {
  const entry = imageEntry(value);
  if (entry.kind === 'missing') return entry;
  if (entry.kind === 'other') return { kind: 'unusable', problem: entry.problem };
  if (entry.kind === 'bytes') return checked(entry.bytes, entry.path);
  if (root === undefined) {
    const problem = `the file has no folder to find ${quoted(entry.path, 100)} in`;
    return { kind: 'missing', problem };
  }
  let missing: NamedImage | undefined;
  for (const candidate of candidates(entry.path)) {
    const read = await readBelow(root, candidate, extent);
    if (read.kind !== 'missing') return read;
    missing ??= read;
  }
  return missing ?? nothingNamed;
}

/** Bytes of base64 with or without line breaks, padding and a data URL's head; undefined for other text. */
export function imageOfText(text: string): Uint8Array | undefined {
  return fromBase64(text.replace(dataUrl, ''));
}

const nothingNamed = { kind: 'missing', problem: 'an image with neither bytes nor path' } as const;
const otherThing: ImageEntry = {
  kind: 'other',
  problem: 'an image that is no path, bytes or {bytes, path}',
};

const dataUrl = /^\s*data:[^,]{0,200};base64,/i;

/** Paths that end so are far shorter on every system. */
const longestPath = 4096;

function ofText(value: string | Uint8Array): ImageEntry {
  if (value instanceof Uint8Array && rasterFormat(value)) {
    return { kind: 'bytes', bytes: value, path: undefined };
  }
  // A column of bytes may also hold texts: what is no image and no text is told as bytes.
  const text = typeof value === 'string' ? value : decodeUtf8(value);
  if (text === undefined) {
    return { kind: 'bytes', bytes: value as Uint8Array, path: undefined };
  }
  const decoded = imageOfText(text);
  if (decoded && (dataUrl.test(text) || rasterFormat(decoded))) {
    return { kind: 'bytes', bytes: decoded, path: undefined };
  }
  if (/^\s*data:/i.test(text)) {
    return { kind: 'other', problem: `a data URL of ${text.length} characters without base64` };
  }
  if (text.length > longestPath || text.includes('\0')) {
    const problem = `a text of ${text.length} characters that is neither a path nor an image in base64`;
    return { kind: 'other', problem };
  }
  return { kind: 'path', path: text };
}

/** As Python reads base64, but characters outside of its alphabet are not passed over. */
function fromBase64(text: string): Uint8Array | undefined {
  const letters = text.replaceAll(/\s+/g, '');
  const bytes = Buffer.from(letters, 'base64');
  // Node skips what is not base64 instead of refusing it.
  const expected = Math.floor((letters.replace(/={1,2}$/, '').length * 3) / 4);
  return bytes.length > 0 && bytes.length === expected ? new Uint8Array(bytes) : undefined;
}

function checked(bytes: Uint8Array, path: string | undefined): NamedImage {
  const name = path ?? 'image';
  if (rasterFormat(bytes)) return { kind: 'image', image: { bytes, name } };
  const problem = `${quoted(name, 100)}: ${bytes.length} bytes of no known image format`;
  return { kind: 'unusable', problem };
}

async function readBelow(root: string, path: string, extent: ImageExtent): Promise<NamedImage> {
  const shown = quoted(path, 100);
  let file: string;
  try {
    const folder = await realPathOf(root);
    file = await realPathOf(resolve(folder, path));
    if (!isInside(folder, file)) {
      return { kind: 'missing', problem: `${shown} does not lie below ${oneLine(root)}` };
    }
  } catch (error) {
    return { kind: 'missing', problem: `${shown}: ${reasonOf(error)} below ${oneLine(root)}` };
  }
  try {
    return await readRegular(file, path, extent);
  } catch (error) {
    return { kind: 'unusable', problem: `${shown}: ${reasonOf(error)}` };
  }
}

function isInside(folder: string, file: string): boolean {
  const path = relative(folder, file);
  return path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}

async function readRegular(file: string, name: string, extent: ImageExtent): Promise<NamedImage> {
  // Not through a link that was put there meanwhile.
  const handle = await openRegular(file, 'refused');
  try {
    const found = await handle.stat();
    const shown = quoted(name, 100);
    if (found.size > maxFileBytes) {
      return {
        kind: 'unusable',
        problem: `${shown} has ${found.size} bytes, over ${maxFileBytes}`,
      };
    }
    const bytes = new Uint8Array(extent === 'whole' ? found.size : Math.min(found.size, headBytes));
    if ((await readInto(handle, bytes, 0)) < bytes.length) {
      return { kind: 'unusable', problem: `${shown} is cut short` };
    }
    return checked(bytes, name);
  } finally {
    await handle.close();
  }
}

/** Without the path, which the message names once already. */
function reasonOf(error: unknown): string {
  return refusalOf(error) ?? 'unreadable';
}
