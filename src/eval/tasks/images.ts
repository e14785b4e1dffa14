/**
 * The images of a row: embedded bytes, or files below a root. Bytes stay as they are; only the header
 * is read, to find files that are no images before a model is asked about them.
 */
import { basename, join } from 'node:path';
import { digestOfBytes } from '../../core/digest.ts';
import { quoted } from '../../core/quoted.ts';
import type { ImageFile } from '../../core/sample.ts';
import type { Fields } from '../../data/field.ts';
import { imagesIn, readNamedImage } from '../../image/named-image.ts';
import { flawOfHeader } from '../../image/raster.ts';
import { RowProblem } from './sample.ts';
import type { ImagesRule } from './task-schema.ts';

export type LoadedImage = ImageFile & {
  /** Hexadecimal SHA-256 of the file. */
  readonly digest: string;
};

/**
 * @param root folder of images that are named by path; undefined where there is none
 */
export async function loadImages(
  rule: ImagesRule,
  fields: Fields,
  root: string | undefined,
): Promise<LoadedImage[]> {
  const entries = rule.columns.flatMap((column) => imagesIn(fields[column]));
  if (entries.length === 0) {
    throw new RowProblem('missing-image', `no image in ${rule.columns.join(', ')}`);
  }
  return Promise.all(entries.map((entry) => loadImage(rule, entry, root)));
}

async function loadImage(
  rule: ImagesRule,
  entry: unknown,
  root: string | undefined,
): Promise<LoadedImage> {
  const read = await readNamedImage(entry, root, 'whole', (path) => candidatesFor(rule, path));
  if (read.kind !== 'image') {
    const cause = read.kind === 'missing' ? 'missing-image' : 'undecodable-image';
    throw new RowProblem(cause, read.problem);
  }
  const { bytes } = read.image;
  const name = basename(read.image.name);
  const flaw = await flawOfHeader(bytes);
  if (flaw !== undefined) {
    const problem = `${quoted(name, 100)}: ${bytes.length} bytes that are no image (${flaw})`;
    throw new RowProblem('undecodable-image', problem);
  }
  return { bytes, name, digest: digestOfBytes(bytes) };
}

function candidatesFor({ folder, match }: ImagesRule, path: string): string[] {
  const parts = path.replace(/^[a-z]+:\/\/[^/]+\//i, '').split('/');
  const paths =
    match === 'path' ? [path] : parts.map((_, dropped) => parts.slice(dropped).join('/'));
  return folder === undefined ? paths : paths.flatMap((end) => [join(folder, end), end]);
}
