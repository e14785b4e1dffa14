import { join, relative } from 'node:path';
import type { HubAccess } from '../config/environment.ts';
import { fail } from '../core/errors.ts';
import { entriesBelow, type Found, foundAt, fromHome } from '../core/files.ts';
import { listed } from '../core/quoted.ts';
import {
  type DataFile,
  type DataFormat,
  formatOf,
  likelierFormats,
  localFile,
} from './data-file.ts';
import { isHubName, listHubFiles, openHubFile, resolveHubRevision } from './hub.ts';
import { downloadToCache, openSnapshot } from './hub-cache.ts';

/** Where files of the hub are kept, so that any row can be read again. */
type Download = {
  /** As `data.cache`. */
  readonly cache: string;
  readonly signal: AbortSignal;
};

/**
 * The files that a location stands for, each opened when it is its turn: a file of rows; a folder; or a data set
 * `owner/name` of a Hugging Face hub. Folders and data sets take `@split`; without it the split is `train` where
 * there are files of that name, else every file belongs. Data sets take `:configuration` before, which is a folder
 * of theirs, and `#revision` after all else.
 *
 * @param download left out, files of the hub are read in ranges and nothing is kept
 * @throws MedixError where nothing is found
 */
export async function* locate(
  location: string,
  hub: HubAccess,
  download?: Download,
): AsyncGenerator<DataFile> {
  const { path, kind, split, ...onHub } = await parseLocation(location);
  if (kind === 'file' || kind === 'other') {
    yield await openFile(path, split);
  } else if (kind === 'folder') {
    for (const { name, format } of chooseSplit(path, await filesBelow(path), split)) {
      yield await localFile(join(path, name), format);
    }
  } else if (isHubName(path)) {
    yield* locateOnHub({ dataset: path, split, ...onHub }, hub, download);
  } else {
    failMissing(location);
  }
}

/**
 * The location with the commit that its revision stands at now, so that it names the same rows for ever; as it is
 * where it is no data set of a hub, or names its commit already.
 *
 * @throws MedixError where the hub cannot be reached or refuses
 */
export async function pinLocation(location: string, hub: HubAccess): Promise<string> {
  const { path, kind, revision } = await parseLocation(location);
  if (kind !== 'missing' || !isHubName(path) || isCommit(revision)) return location;
  const found = await rowsRevision(path, revision, hub);
  const commit = await resolveHubRevision(path, hub, found);
  return `${location.replace(/#.*$/, '')}#${commit}`;
}

/** The branch to which the hub itself converts data sets that are kept in other formats. */
const convertedBranch = 'refs/convert/parquet';

/** The revision of which files are read: the one that is asked for, or the converted branch. */
async function rowsRevision(
  dataset: string,
  revision: string | undefined,
  hub: HubAccess,
): Promise<string | undefined> {
  if (revision !== undefined) return revision;
  const names = await listHubFiles(dataset, hub);
  if (names.some((name) => isShown(name) && formatOf(name))) return undefined;
  const converted = await listHubFiles(dataset, hub, convertedBranch).catch(() => []);
  return converted.length > 0 ? convertedBranch : undefined;
}

type HubRows = Pick<Location, 'configuration' | 'revision'> & {
  readonly dataset: string;
  readonly split: string | undefined;
};

async function* locateOnHub(
  { dataset, split, configuration, revision }: HubRows,
  hub: HubAccess,
  download: Download | undefined,
): AsyncGenerator<DataFile> {
  const choose = (names: readonly string[]) => {
    const isIn = (name: string) =>
      configuration === undefined || partsOf(name).includes(configuration);
    const chosen = chooseSplit(dataset, names.filter(isIn), split);
    requireOneConfiguration(dataset, chosen);
    return chosen;
  };
  const found = await rowsRevision(dataset, revision, hub);
  if (download === undefined) {
    const names = await listHubFiles(dataset, hub, found);
    for (const { name, format } of choose(names)) {
      yield await openHubFile(dataset, name, format, hub, found);
    }
    return;
  }
  const cache = { folder: fromHome(download.cache), hub };
  const commit = isCommit(found) ? found : await resolveHubRevision(dataset, hub, found);
  const snapshot = await openSnapshot(cache, dataset, commit);
  for (const { name, format } of choose(snapshot.files)) {
    const path = await downloadToCache(cache, dataset, snapshot, name, download.signal);
    // The folder of the cache is none in which rows may name files.
    const { folder: _, ...file } = await localFile(path, format);
    yield { ...file, name: `${dataset}/${name}` };
  }
}

function isCommit(revision: string | undefined): revision is string {
  return /^[0-9a-f]{40}$/.test(revision ?? '');
}

/** The hub converts each configuration into a folder of its own: rows of several are not one data set. */
function requireOneConfiguration(where: string, files: readonly { readonly name: string }[]): void {
  const found = files.flatMap(
    ({ name }) => /^([^/]+)\/[^/]+\/\d{4}\.parquet$/.exec(name)?.[1] ?? [],
  );
  const names = [...new Set(found)];
  if (names.length < 2) return;
  fail('data', {
    where,
    expected: 'rows of one configuration',
    got: listed(names),
    next: `name one of them, e.g. ${where}:${names[0]}@train`,
  });
}

type Location = {
  readonly path: string;
  readonly kind: Found;
  readonly split?: string;
  /** Folder of a data set of the hub. */
  readonly configuration?: string;
  /** Of a data set of the hub. */
  readonly revision?: string;
};

/** Takes `#revision`, `@split` and `:configuration` off, unless the location exists with them. */
async function parseLocation(location: string): Promise<Location> {
  const found = await foundAt(location);
  if (found !== 'missing') return { path: location, kind: found };
  const [, named = location, revision] = /^([^#]*)#([\w][\w./-]*)$/.exec(location) ?? [];
  const at = named.lastIndexOf('@');
  const whole = at < 0 ? named : named.slice(0, at);
  const [, dataset, configuration] = /^(\w[\w.-]*\/[\w.-]+):([\w.-]+)$/.exec(whole) ?? [];
  const path = dataset ?? whole;
  return {
    path,
    kind: await foundAt(path),
    ...(configuration === undefined ? {} : { configuration }),
    ...(at < 0 ? {} : { split: named.slice(at + 1) }),
    ...(revision === undefined ? {} : { revision }),
  };
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
