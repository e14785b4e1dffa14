import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HubAccess } from '../config/environment.ts';
import { fail } from '../core/errors.ts';
import { type DataFile, formatOf, localFile } from './data-file.ts';
import { isHubName, listHubFiles, openHubFile } from './hub.ts';

/**
 * The files that a location stands for, each opened when it is its turn: a parquet or JSONL file; a
 * folder; or a data set `owner/name` of a Hugging Face hub. Folders and data sets take `@split`; without
 * it the split is `train` where there are files of that name, else every file belongs.
 *
 * @throws MedixError where nothing is found
 */
export async function* locate(location: string, hub: HubAccess): AsyncGenerator<DataFile> {
  const { path, kind, split } = await parseLocation(location);
  if (kind === 'file') {
    yield await openFile(path, split);
  } else if (kind === 'folder') {
    const names = await readdir(path, { recursive: true });
    for (const { name, format } of chooseSplit(path, names, split)) {
      yield await localFile(join(path, name), format);
    }
  } else if (isHubName(path)) {
    const names = await listHubFiles(path, hub);
    for (const { name, format } of chooseSplit(path, names, split)) {
      yield await openHubFile(path, name, format, hub);
    }
  } else {
    failMissing(location);
  }
}

/** Takes `@split` off, unless the location exists with it. */
async function parseLocation(location: string) {
  const kind = await kindOf(location);
  const at = location.lastIndexOf('@');
  if (kind !== 'missing' || at < 0) return { path: location, kind, split: undefined };
  const path = location.slice(0, at);
  return { path, kind: await kindOf(path), split: location.slice(at + 1) };
}

/** The files of one split, in order of name: `train.parquet`, `train-00000-of-00046.parquet`, `train/…`. */
function chooseSplit(
  where: string,
  names: readonly string[],
  split: string | undefined,
): { readonly name: string; readonly format: DataFile['format'] }[] {
  const files = names.toSorted().flatMap((name) => {
    const format = formatOf(name);
    return format ? [{ name, format }] : [];
  });
  const ofSplit = (wanted: string) => files.filter(({ name }) => belongsTo(name, wanted));
  const training = ofSplit('train');
  const chosen = split !== undefined ? ofSplit(split) : training.length > 0 ? training : files;
  if (chosen.length === 0) {
    fail('data', {
      where,
      expected: split === undefined ? 'parquet or JSONL files' : `files of the split ${split}`,
      got: files.length > 0 ? files.map(({ name }) => name).join(', ') : 'none',
      next: 'correct the location or the split after @',
    });
  }
  return chosen;
}

/** Whether a path names a split: `test.parquet`, `data/test-00000-of-00002.parquet`, `test/…`. */
export function belongsTo(name: string, split: string): boolean {
  return name.split(/[/\\]/).some((part) => part === split || /^[-_.]/.test(after(part, split)));
}

function after(text: string, start: string): string {
  return text.startsWith(start) ? text.slice(start.length) : '';
}

async function openFile(path: string, split: string | undefined): Promise<DataFile> {
  const format = formatOf(path);
  if (!format || split !== undefined) {
    return fail('data', {
      where: path,
      expected: format ? 'a folder or data set before @' : 'a .parquet or .jsonl file',
      got: format ? `a single file with the split ${split}` : 'another kind of file',
      next: format ? `leave out @${split}` : 'convert the file',
    });
  }
  return localFile(path, format);
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'missing'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'missing';
  }
}

function failMissing(location: string): never {
  return fail('data', {
    where: location,
    expected: 'a parquet or JSONL file, a folder of such files, or owner/name of a hub data set',
    got: 'no such file or folder',
    next: 'correct the location',
  });
}
