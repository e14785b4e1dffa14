import { join, relative } from 'node:path';
import type { HubAccess } from '../config/environment.ts';
import { fail } from '../core/errors.ts';
import { entriesBelow, foundAt } from '../core/files.ts';
import { listed } from '../core/quoted.ts';
import {
  type DataFile,
  type DataFormat,
  formatOf,
  likelierFormats,
  localFile,
} from './data-file.ts';
import { isHubName, listHubFiles, openHubFile } from './hub.ts';

/**
 * The files that a location stands for, each opened when it is its turn: a file of rows; a
 * folder; or a data set `owner/name` of a Hugging Face hub. Folders and data sets take `@split`; without
 * it the split is `train` where there are files of that name, else every file belongs.
 *
 * @throws MedixError where nothing is found
 */
export async function* locate(location: string, hub: HubAccess): AsyncGenerator<DataFile> {
  const { path, kind, split } = await parseLocation(location);
  if (kind === 'file' || kind === 'other') {
    yield await openFile(path, split);
  } else if (kind === 'folder') {
    for (const { name, format } of chooseSplit(path, await filesBelow(path), split)) {
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
  const kind = await foundAt(location);
  const at = location.lastIndexOf('@');
  if (kind !== 'missing' || at < 0) return { path: location, kind, split: undefined };
  const path = location.slice(0, at);
  return { path, kind: await foundAt(path), split: location.slice(at + 1) };
}

/**
 * The files below a folder in order of their paths, without those that are hidden or that other programs
 * keep for themselves (`.part.crc`, `_temporary/`), and without folders, whatever they are called.
 *
 * @throws MedixError where it cannot be read
 */
export async function filesBelow(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await entriesBelow(folder)) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path);
    if (isShown(name) && (entry.isFile() || (entry.isSymbolicLink() && (await isFile(path))))) {
      names.push(name);
    }
  }
  return names.toSorted();
}

function isShown(name: string): boolean {
  return name.split(/[/\\]/).every((part) => !/^[._]/.test(part));
}

async function isFile(path: string): Promise<boolean> {
  // A link in a circle is no file of rows.
  return (await foundAt(path).catch(() => 'missing')) === 'file';
}

/** The files of one split, in order of name. */
function chooseSplit(
  where: string,
  names: readonly string[],
  split: string | undefined,
): readonly { readonly name: string; readonly format: DataFormat }[] {
  const files = names.filter((name) => isShown(name) && formatOf(name)).toSorted();
  const ofSplit = split === undefined ? trainingFiles(files) : filesOfSplit(files, split);
  const chosen = likelierFormats(
    ofSplit.flatMap((name) => {
      const format = formatOf(name);
      return format ? [{ name, format }] : [];
    }),
  );
  if (chosen.length === 0) {
    fail('data', {
      where,
      expected:
        split === undefined
          ? 'files of rows (parquet, JSONL, JSON, CSV or TSV)'
          : `files of the split ${split}, such as ${split}.parquet or ${split}-00000-of-00002.parquet`,
      got: listed(files),
      next: 'correct the location or the split after @, or name a file',
    });
  }
  return chosen;
}

/** Those of the split `train`, else those whose name begins so (`train_set.jsonl`), else all. */
function trainingFiles(files: readonly string[]): readonly string[] {
  const exact = filesOfSplit(files, 'train');
  if (exact.length > 0) return exact;
  const alike = files.filter((name) => partsOf(name).some((part) => /^train[-_]/.test(part)));
  return alike.length > 0 ? alike : files;
}

/**
 * The files of a split, by a part of their path: `test.parquet`, `test/…`; where there are none of these,
 * numbered ones, as `data/test-00000-of-00002.parquet`. A longer name, such as `test_hard.jsonl`, is another
 * split's.
 */
export function filesOfSplit(files: readonly string[], split: string): string[] {
  const after = (part: string) => (part.startsWith(split) ? part.slice(split.length) : undefined);
  const having = (rest: RegExp) =>
    files.filter((name) => partsOf(name).some((part) => rest.test(after(part) ?? 'another')));
  const whole = having(/^(\.|$)/);
  return whole.length > 0 ? whole : having(/^[-_]\d/);
}

function partsOf(name: string): string[] {
  return name.split(/[/\\]/);
}

async function openFile(path: string, split: string | undefined): Promise<DataFile> {
  const format = formatOf(path);
  if (!format || split !== undefined) {
    return fail('data', {
      where: path,
      expected: format
        ? 'a folder or data set before @'
        : 'a file of rows: .parquet, .jsonl, .json, .csv or .tsv',
      got: format ? `a single file with the split ${split}` : 'another kind of file',
      next: format ? `leave out @${split}` : 'convert the file',
    });
  }
  return localFile(path, format);
}

function failMissing(location: string): never {
  return fail('data', {
    where: location,
    expected:
      'a file of rows (parquet, JSONL, JSON, CSV or TSV), a folder of such files, or owner/name of a hub data set',
    got: 'no such file or folder',
    next: 'correct the location',
  });
}
