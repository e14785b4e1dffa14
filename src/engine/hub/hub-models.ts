/**
 * Models of a Hugging Face hub, kept on disk under the commit they are of: only the files that are read here,
 * each checked against the hub's digest.
 *
 * Layout: `<folder>/<owner>--<name>/<commit>/…` as on the hub, beside it `<commit>.json` with the files that
 * belong there, and meanwhile `….part`. A commit whose files are there opens without a network.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { HubAccess } from '../../config/environment.ts';
import type { Clock } from '../../core/async/clock.ts';
import { fail } from '../../core/errors.ts';
import { entriesOf, freeBytesAt, readText } from '../../core/files.ts';
import { makeFolder } from '../../core/make-folder.ts';
import { writeAside } from '../../core/write-aside.ts';
import { hubEndpoint, openHubSite } from '../../http/hub-site.ts';
import type { Site, SiteFailure } from '../../http/site.ts';
import { storing } from '../../run/durable.ts';
import { bytesThere, isThere, receiveFile } from './checked-file.ts';
import { neededFiles, tellingFiles } from './hub-files.ts';
import { askListing, failRefused, type HubFile, type HubListing } from './hub-listing.ts';
import { type HubName, isCommit } from './hub-name.ts';

export type HubModels = {
  /** Where models are kept. */
  readonly folder: string;
  readonly hub: HubAccess;
  readonly clock: Clock;
  /** Hears in one line how far a download is. @default nobody */
  readonly onProgress?: (line: string) => void;
};

export type HubModel = { readonly folder: string; readonly commit: string };

/** What of a model is wanted: everything, or all but its weights. */
export type ModelParts = 'all' | 'all-but-weights';

/** Least time between two lines on how far a download is. */
const progressEveryMs = 250;

const keptSchema = z.object({
  names: z.array(z.string()),
  files: z.array(
    z.object({
      name: z.string().regex(/^[^/\\]+$/),
      size: z.int().nonnegative(),
      digest: z.object({ kind: z.enum(['sha256', 'git']), hex: z.string() }),
    }),
  ),
});

/**
 * The folder of a model at a revision; downloads what is not there.
 *
 * @param parts of the model that have to be there. @default all
 * @throws MedixError 'model' where the hub cannot be reached or refuses, where the model is none that is read
 *   here (before its weights are downloaded), where the disk has no room, or a file is not what the hub says;
 *   'run' where the disk cannot be written; the signal's reason once it aborts
 */
export async function openHubModel(
  name: HubName,
  models: HubModels,
  signal: AbortSignal,
  parts: ModelParts = 'all',
): Promise<HubModel> {
  const place = join(models.folder, name.id.replace('/', '--'));
  const kept = isCommit(name.revision) ? await keptListing(place, name.revision) : undefined;
  if (kept !== undefined && (await isWhole(place, kept, parts))) return modelAt(place, kept);
  const site = openHubSite(models.hub, 'model', models.clock);
  try {
    const listing = kept ?? (await newListing(site, name, models, place, signal));
    await download(site, name, { models, place, listing, parts }, signal);
    return modelAt(place, listing);
  } finally {
    site.close();
  }
}

function modelAt(place: string, { commit }: HubListing): HubModel {
  return { folder: join(place, commit), commit };
}

async function newListing(
  site: Site,
  name: HubName,
  models: HubModels,
  place: string,
  signal: AbortSignal,
): Promise<HubListing> {
  const listing = await askListing(site, name, signal);
  signal.throwIfAborted();
  if ('kind' in listing) return refuse(listing, name, models, place);
  // A commit is for ever: what is kept of it holds, and its files are looked for there.
  return (await keptListing(place, listing.commit)) ?? listing;
}

async function refuse(
  failure: SiteFailure,
  name: HubName,
  { hub }: HubModels,
  place: string,
): Promise<never> {
  const entries = await entriesOf(place).catch(() => []);
  const commits = entries.flatMap(
    ({ name: entry }) => /^([0-9a-f]{40})\.json$/.exec(entry)?.[1] ?? [],
  );
  const kept: string[] = [];
  for (const commit of commits) {
    const listing = await keptListing(place, commit);
    if (listing !== undefined && (await isWhole(place, listing, 'all'))) kept.push(commit);
  }
  const endpoint = hubEndpoint(hub);
  return failRefused(failure, { name, endpoint, token: hub.token, kept });
}

type Download = {
  readonly models: HubModels;
  readonly place: string;
  readonly listing: HubListing;
  readonly parts: ModelParts;
};

async function download(
  site: Site,
  name: HubName,
  { models, place, listing, parts }: Download,
  signal: AbortSignal,
): Promise<void> {
  const { commit, names } = listing;
  const folder = join(place, commit);
  const where = `${name.id}@${name.revision}`;
  await storing(folder, () => makeFolder(folder), 'make room or grant access');
  const fetchAll = async (wanted: readonly HubFile[], onBytes: (count: number) => void) => {
    for (const file of wanted) {
      const from = `${name.id}/resolve/${commit}/${encodeURIComponent(file.name)}`;
      const failure = await receiveFile(site, from, join(folder, file.name), file, signal, onBytes);
      if (failure) await refuse(failure, name, models, place);
    }
  };
  await fetchAll(tellingFiles(where, listing), () => {});
  const needed = await neededFiles(where, folder, listing);
  const wanted = needed.filter(isPartOf(parts));
  await requireRoom(where, folder, wanted);
  // Beside what is missing there is no doubt what belongs to the commit, also without the hub.
  const record = JSON.stringify({ names, files: needed });
  const recordFile = join(place, `${commit}.json`);
  await storing(recordFile, () => writeAside(recordFile, (append) => append(`${record}\n`)));
  await fetchAll(wanted, await progressOf(where, folder, wanted, models));
}

async function requireRoom(
  where: string,
  folder: string,
  wanted: readonly HubFile[],
): Promise<void> {
  const there = await Promise.all(wanted.map((file) => bytesThere(join(folder, file.name), file)));
  const missing = wanted.reduce((sum, { size }, i) => sum + size - (there[i] ?? 0), 0);
  const free = await freeBytesAt(folder).catch(() => Number.POSITIVE_INFINITY);
  if (missing <= free) return;
  fail('model', {
    where,
    expected: `room for ${gigabytes(missing)} in ${folder}`,
    got: gigabytes(free),
    next: 'make room, or name a folder on another disk (engine.cache)',
  });
}

async function progressOf(
  where: string,
  folder: string,
  wanted: readonly HubFile[],
  { clock, onProgress = () => {} }: HubModels,
): Promise<(count: number) => void> {
  const there = await Promise.all(wanted.map((file) => bytesThere(join(folder, file.name), file)));
  const total = wanted.reduce((sum, { size }) => sum + size, 0);
  let received = there.reduce((sum, count) => sum + count, 0);
  let toldAt = Number.NEGATIVE_INFINITY;
  return (count) => {
    received += count;
    if (clock.now() - toldAt < progressEveryMs && received < total) return;
    toldAt = clock.now();
    onProgress(`downloading ${where}: ${gigabytes(received)} of ${gigabytes(total)}`);
  };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** What an earlier process wrote down of a commit; undefined where there is nothing that can be used. */
async function keptListing(place: string, commit: string): Promise<HubListing | undefined> {
  const text = await readText(join(place, `${commit}.json`)).catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const parsed = keptSchema.safeParse(JSON.parse(text));
    return parsed.success ? { commit, ...parsed.data } : undefined;
  } catch {
    return undefined;
  }
}

function isPartOf(parts: ModelParts): (file: HubFile) => boolean {
  return ({ name }) => parts === 'all' || !name.endsWith('.safetensors');
}

async function isWhole(
  place: string,
  { commit, files }: HubListing,
  parts: ModelParts,
): Promise<boolean> {
  const checks = files
    .filter(isPartOf(parts))
    .map((file) => isThere(join(place, commit, file.name), file));
  return (await Promise.all(checks)).every(Boolean);
}
