/** Where a task's rows and images come from on this machine: files the user names, or the hub. */
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { HubAccess } from '../../config/environment.ts';
import { createDigest } from '../../core/digest.ts';
import { defined, fail, type Problem } from '../../core/errors.ts';
import { foundAt, foundNames, streamFile } from '../../core/files.ts';
import { listed } from '../../core/quoted.ts';
import { type DataFile, formatOf, localFile } from '../../data/data-file.ts';
import {
  cachedFile,
  downloadToCache,
  type HubCache,
  knownSnapshot,
  openSnapshot,
} from '../../data/hub-cache.ts';
import { filesBelow, filesOfSplit } from '../../data/locate.ts';
import type { Task } from './task-schema.ts';

export type TaskAccess = {
  /** File or folder with the task's rows, instead of the hub. */
  readonly data?: string;
  /** Folder of images that rows name by path. */
  readonly imageRoot?: string;
  readonly hub: HubAccess;
  /** Folder where files of the hub are kept. */
  readonly cache: string;
};

export type TaskSource = {
  /** Hub data set with its folders, or a path, for people. */
  readonly description: string;
  /** Commit of the hub data set, or `sha256:…` of local files: other rows have another. */
  readonly revision: string;
  readonly imageRoot?: string;
  /** Files in the order of their names, each downloaded when it is its turn. */
  files(signal: AbortSignal): AsyncGenerator<DataFile>;
};

type HubRule = Extract<Task['source'], { hub: string }>;

/**
 * Finds a task's files. Nothing but the list of a hub data set's files is downloaded here.
 *
 * @throws MedixError with all that is wrong with the access, where nothing is found, and where the hub
 *   has to be asked and cannot be
 */
export async function openTaskSource(task: Task, access: TaskAccess): Promise<TaskSource> {
  const problem = checkTaskAccess(task, access);
  if (problem) fail('data', problem);
  const image = access.imageRoot === undefined ? {} : { imageRoot: access.imageRoot };
  const place = placeOf(task, access);
  const found =
    place.kind === 'local'
      ? await openLocal(task, place.path)
      : await openHub(place.source, cacheOf(access));
  return { ...found, ...image };
}

type Place =
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'hub'; readonly source: HubRule };

/** Places that the user names replace those that the task names. */
function placeOf({ source, file }: Task, { data }: TaskAccess): Place {
  if (data !== undefined) return { kind: 'local', path: data };
  if ('hub' in source) return { kind: 'hub', source };
  return { kind: 'local', path: resolve(dirname(file), source.path) };
}

/** A folder that holds the task's own file would be read as a whole, whatever lies in it. */
function checkOwnPath({ source, file, id }: Task, access: TaskAccess): Problem | undefined {
  if (access.data !== undefined || 'hub' in source) return undefined;
  const path = resolve(dirname(file), source.path);
  const way = relative(path, resolve(file));
  if (way.startsWith('..') || isAbsolute(way)) return undefined;
  return {
    where: `task ${id}: source.path`,
    expected: 'a file, or a folder beside the task file',
    got: source.path,
    next: 'put the rows in a folder of their own, or name their file',
  };
}

function cacheOf({ cache, hub }: TaskAccess): HubCache {
  return { folder: cache, hub };
}

/** Why a task cannot be read with this access, as far as shows without opening anything. */
export function checkTaskAccess(task: Task, access: TaskAccess): Problem | undefined {
  const own = checkOwnPath(task, access);
  if (own) return own;
  const archive = task.layouts
    .map(({ images }) => images?.archive)
    .find((name) => name !== undefined);
  if (archive === undefined || access.imageRoot !== undefined || access.data !== undefined) {
    return undefined;
  }
  return {
    where: `task ${task.id}`,
    expected: `a folder with its images: ${archive}`,
    got: 'none',
    next: `give the folder as imageRoots.${task.id} in the config`,
  };
}

type TaskDataState =
  | { readonly kind: 'local'; readonly path: string; readonly exists: boolean }
  | { readonly kind: 'cached'; readonly dataset: string; readonly revision: string }
  | { readonly kind: 'hub'; readonly dataset: string; readonly revision: string | null };

/** Where a task's rows would come from, without asking the hub. */
export async function taskDataState(task: Task, access: TaskAccess): Promise<TaskDataState> {
  const place = placeOf(task, access);
  if (place.kind === 'local') {
    return { ...place, exists: (await foundAt(place.path)) !== 'missing' };
  }
  const { source } = place;
  const cache = cacheOf(access);
  const snapshot = await knownSnapshot(cache, source.hub, source.revision);
  const names = snapshot ? chooseFiles(snapshot.files, foldersOf(source), source.split) : [];
  const paths = await Promise.all(
    names.map((name) => snapshot && cachedFile(cache, source.hub, snapshot, name)),
  );
  return snapshot && names.length > 0 && paths.every((found) => found !== undefined)
    ? { kind: 'cached', dataset: source.hub, revision: snapshot.revision }
    : { kind: 'hub', dataset: source.hub, revision: snapshot?.revision ?? source.revision };
}

async function openHub(source: HubRule, cache: HubCache): Promise<TaskSource> {
  const snapshot = await openSnapshot(cache, source.hub, source.revision);
  const folders = foldersOf(source);
  const names = chooseFiles(snapshot.files, folders, source.split);
  const description = [source.hub, folders.join(', '), source.split].filter(Boolean).join(' / ');
  if (names.length === 0) failNoFiles(description, snapshot.files);
  return {
    description,
    revision: snapshot.revision,
    files: async function* (signal) {
      for (const name of names) {
        yield await openDataFile(await downloadToCache(cache, source.hub, snapshot, name, signal));
      }
    },
  };
}

async function openLocal(task: Task, path: string): Promise<TaskSource> {
  const paths = await localPaths(task, path);
  return {
    description: path,
    revision: `sha256:${await digestOfFiles(paths)}`,
    files: async function* () {
      for (const file of paths) yield await openDataFile(file);
    },
  };
}

async function localPaths({ source }: Task, path: string): Promise<string[]> {
  const found = await foundAt(path);
  if (found === 'file' && isDataFile(path)) return [path];
  if (found === 'file') return failNoFiles(path, [path]);
  if (found !== 'folder') return failNoFiles(path, foundNames[found]);
  const names = await filesBelow(path);
  const folders = 'hub' in source ? foldersOf(source) : [];
  const split = 'hub' in source ? source.split : undefined;
  const ofFolders = chooseFiles(names, folders, split);
  const chosen = ofFolders.length > 0 ? ofFolders : chooseFiles(names, [], split);
  if (chosen.length === 0) failNoFiles(path, names);
  return chosen.map((name) => join(path, name));
}

function foldersOf({ config }: HubRule): string[] {
  return config === null ? [] : [config].flat();
}

/** The data files of a split, folder by folder; without folders, wherever they are. */
function chooseFiles(
  names: readonly string[],
  folders: readonly string[],
  split: string | undefined,
): string[] {
  const files = names.filter(isDataFile).toSorted();
  const ofSplit = (among: readonly string[]) =>
    beforeTables(split === undefined ? among : filesOfSplit(among, split));
  if (folders.length === 0) return ofSplit(files);
  return folders.flatMap((folder) =>
    ofSplit(files.filter((name) => name.split(/[/\\]/).includes(folder))),
  );
}

/** A table beside other files of rows is mostly a copy of them. */
function beforeTables(files: readonly string[]): string[] {
  const others = files.filter((name) => !/\.[ct]sv$/i.test(name));
  return [...(others.length > 0 ? others : files)];
}

function isDataFile(name: string): boolean {
  return formatOf(name) !== undefined;
}

function openDataFile(path: string): Promise<DataFile> {
  return localFile(path, defined(formatOf(path), 'format of a data file'));
}

async function digestOfFiles(paths: readonly string[]): Promise<string> {
  const hash = createDigest();
  for (const path of paths) {
    hash.update(`${relative(dirname(paths[0] ?? path), path)}\0`);
    for await (const piece of streamFile(path)) hash.update(piece);
  }
  return hash.digest('hex');
}

function failNoFiles(where: string, found: readonly string[] | string): never {
  return fail('data', {
    where,
    expected: 'parquet, JSONL, JSON, CSV or TSV files of the task',
    got: typeof found === 'string' ? found : listed(found),
    next: 'correct the location of the task’s data, or its source in the task file',
  });
}
