/**
 * Files of hub data sets, kept on disk under the commit they are of: the stages of an evaluation read the
 * same rows, also without a network and also after the data set has changed.
 *
 * Layout: `<folder>/<owner>--<name>/<commit>/…` as on the hub, and `<owner>--<name>/<commit or main>.json`
 * with the commit and the names of its files. A data set without a pinned commit stays at the one that
 * `main.json` names until that file is deleted.
 */
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { z } from 'zod';
import type { HubAccess } from '../config/environment.ts';
import { fail } from '../core/errors.ts';
import { foundAt, readText } from '../core/files.ts';
import { makeFolder } from '../core/make-folder.ts';
import { readingIfThere } from '../core/reading.ts';
import { type Append, writeAside } from '../core/write-aside.ts';
import { storing } from '../run/durable.ts';
import { downloadHubFile, listHubFiles, resolveHubRevision } from './hub.ts';

/** Where files of the hub are kept unless the user says otherwise. */
export const defaultCacheFolder = join(homedir(), '.cache', 'medix');

const snapshotSchema = z.object({
  revision: z.string().regex(/^[0-9a-f]{40}$/),
  files: z.array(z.string()),
});

/** A hub data set at one commit: the names of its files. */
type HubSnapshot = z.output<typeof snapshotSchema>;

export type HubCache = { readonly folder: string; readonly hub: HubAccess };

/** What is known of a data set without asking the hub. */
export async function knownSnapshot(
  cache: HubCache,
  dataset: string,
  revision: string | null,
): Promise<HubSnapshot | undefined> {
  const path = indexPath(cache, dataset, revision);
  const text = await readingIfThere(askedOf(path), () => readText(path));
  if (text === undefined) return undefined;
  const parsed = snapshotSchema.safeParse(parseJson(text));
  return parsed.success ? parsed.data : undefined;
}

/**
 * The files of a data set at a commit; at null, those of the commit that is main at the first call.
 *
 * @throws MedixError where the hub has to be asked and cannot be reached or refuses
 */
export async function openSnapshot(
  cache: HubCache,
  dataset: string,
  revision: string | null,
): Promise<HubSnapshot> {
  const known = await knownSnapshot(cache, dataset, revision);
  if (known) return known;
  const commit = revision ?? (await resolveHubRevision(dataset, cache.hub));
  const snapshot = snapshotSchema.parse({
    revision: commit,
    files: await listHubFiles(dataset, cache.hub, commit),
  });
  const path = indexPath(cache, dataset, revision);
  await keeping(path, (append) => append(`${JSON.stringify(snapshot)}\n`));
  return snapshot;
}

/** The path of a file that was downloaded before, undefined for one that was not. */
export async function cachedFile(
  cache: HubCache,
  dataset: string,
  { revision }: HubSnapshot,
  name: string,
): Promise<string | undefined> {
  const path = pathOf(cache, dataset, revision, name);
  return (await foundAt(path)) === 'missing' ? undefined : path;
}

/**
 * Downloads a file unless it is there; it appears whole or not at all.
 *
 * @returns its path
 * @throws MedixError where the hub cannot be reached, refuses, or sends less than the whole file
 */
export async function downloadToCache(
  cache: HubCache,
  dataset: string,
  snapshot: HubSnapshot,
  name: string,
  signal: AbortSignal,
): Promise<string> {
  const known = await cachedFile(cache, dataset, snapshot, name);
  if (known !== undefined) return known;
  const path = pathOf(cache, dataset, snapshot.revision, name);
  await keeping(path, (append) =>
    downloadHubFile(dataset, name, snapshot.revision, cache.hub, append, signal),
  );
  return path;
}

async function keeping(path: string, write: (append: Append) => Promise<void>): Promise<void> {
  await storing(
    path,
    async () => {
      await makeFolder(dirname(path));
      await writeAside(path, write);
    },
    'make room or grant access, or name another folder for downloads',
  );
}

function folderOf({ folder }: HubCache, dataset: string): string {
  return join(folder, dataset.replace('/', '--'));
}

function indexPath(cache: HubCache, dataset: string, revision: string | null): string {
  return join(folderOf(cache, dataset), `${revision ?? 'main'}.json`);
}

/** Names come from a server: one that leads out of the cache is refused. */
function pathOf(cache: HubCache, dataset: string, revision: string, name: string): string {
  const folder = join(folderOf(cache, dataset), revision);
  const path = join(folder, name);
  const inside = relative(folder, path);
  if (!inside.startsWith('..') && !isAbsolute(inside)) return path;
  return fail('data', {
    where: dataset,
    expected: 'names of files within the data set',
    got: name,
    next: 'check HF_ENDPOINT',
  });
}

function askedOf(where: string) {
  return {
    boundary: 'data',
    where,
    expected: 'the list of a data set, as it was kept before',
    next: 'delete it, so that the hub is asked again, or choose another folder with cache or --cache',
  } as const;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
