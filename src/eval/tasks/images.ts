/**
 * The images of a row: embedded bytes, or files below a root. Bytes stay as they are; only the header
 * is read, to find files that are no images before a model is asked about them.
 */
import { readFile } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import { digestOfBytes } from '../../core/digest.ts';
import type { ImageFile } from '../../core/sample.ts';
import { flawOfHeader } from '../../image/raster.ts';
import type { Fields } from './field.ts';
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
  const entries = rule.columns.flatMap((column) => entriesOf(fields[column]));
  if (entries.length === 0) {
    throw new RowProblem('missing-image', `no image in ${rule.columns.join(', ')}`);
  }
  return Promise.all(entries.map((entry) => loadImage(rule, entry, root)));
}

function entriesOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(entriesOf);
  return value === undefined || value === null || value === '' ? [] : [value];
}

async function loadImage(
  rule: ImagesRule,
  entry: unknown,
  root: string | undefined,
): Promise<LoadedImage> {
  const { bytes, path } = partsOf(entry);
  const name = path === undefined ? 'image' : basename(path);
  const content = bytes ?? (await readNamed(rule, path, root));
  const flaw = await flawOfHeader(content);
  if (flaw !== undefined) {
    const problem = `${name}: ${content.length} bytes that are no image (${flaw})`;
    throw new RowProblem('undecodable-image', problem);
  }
  return { bytes: content, name, digest: digestOfBytes(content) };
}

/** `{bytes, path}` as Hugging Face writes images, bytes alone (base64 in JSON), or a path alone. */
function partsOf(entry: unknown): { bytes?: Uint8Array; path?: string } {
  if (entry instanceof Uint8Array) return { bytes: entry };
  if (typeof entry === 'string') return { path: entry };
  if (typeof entry !== 'object' || entry === null) return {};
  const { bytes, path } = entry as { bytes?: unknown; path?: unknown };
  const named = typeof path === 'string' && path !== '' ? { path } : {};
  if (bytes instanceof Uint8Array) return { bytes, ...named };
  if (typeof bytes === 'string') return { bytes: Buffer.from(bytes, 'base64'), ...named };
  return named;
}

async function readNamed(
  rule: ImagesRule,
  path: string | undefined,
  root: string | undefined,
): Promise<Uint8Array> {
  if (path === undefined) throw new RowProblem('missing-image', 'an image without bytes and path');
  if (root === undefined) throw new RowProblem('missing-image', `no image root to find ${path} in`);
  for (const candidate of candidatesFor(rule, path)) {
    const file = insideOf(root, candidate);
    if (file === undefined) continue;
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes) return bytes;
  }
  throw new RowProblem('missing-image', `no image ${path} below ${root}`);
}

function candidatesFor({ folder, match }: ImagesRule, path: string): string[] {
  const parts = path.replace(/^[a-z]+:\/\/[^/]+\//i, '').split('/');
  const paths =
    match === 'path' ? [path] : parts.map((_, dropped) => parts.slice(dropped).join('/'));
  return folder === undefined ? paths : paths.flatMap((end) => [join(folder, end), end]);
}

/** Rows are not trusted: a path that leads out of the root, e.g. by `..`, is no path of an image. */
function insideOf(root: string, path: string): string | undefined {
  const file = resolve(root, path);
  const inside = relative(root, file);
  return inside === '' || inside.startsWith('..') || isAbsolute(inside) ? undefined : file;
}
