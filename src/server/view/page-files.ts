/** The page's own files, read once, so that an address can name no other file. */
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from '../../core/errors.ts';
import { entriesBelow, foundAt, readBytes } from '../../core/files.ts';
import { packageFile } from '../../core/package-file.ts';

export type PageFile = { readonly bytes: Uint8Array<ArrayBuffer>; readonly type: string };

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  ico: 'image/x-icon',
  json: 'application/json',
  woff2: 'font/woff2',
  webmanifest: 'application/manifest+json',
};

/** @throws MedixError 'run' where the page was not built */
export async function readPageFiles(
  folder = fileURLToPath(packageFile('dist/web/')),
): Promise<ReadonlyMap<string, PageFile>> {
  if ((await foundAt(join(folder, 'index.html'))) !== 'file') {
    fail('run', {
      where: folder,
      expected: 'the page of `medix view`, as it is built',
      got: 'no such page',
      next: 'run `npm run build:web`, then this command again',
    });
  }
  const files = (await entriesBelow(folder)).filter((entry) => entry.isFile());
  return new Map(
    await Promise.all(
      files.map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        const ending = entry.name.slice(entry.name.lastIndexOf('.') + 1);
        const type = types[ending] ?? 'application/octet-stream';
        const address = `/${relative(folder, path).split(sep).join('/')}`;
        return [address, { bytes: await readBytes(path), type }] as const;
      }),
    ),
  );
}
