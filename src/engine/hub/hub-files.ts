/** Which files of a model on a hub are read here; weights in other formats and everything else stay there. */
import { join } from 'node:path';
import { fail } from '../../core/errors.ts';
import { readText } from '../../core/files.ts';
import { listed } from '../../core/quoted.ts';
import { parseModelConfig } from '../../model/config.ts';
import { familiesRead } from '../../model/families/families.ts';
import { identifyNames } from '../../model/files/identify-folder.ts';
import { modelFileNames, readFiles } from '../../model/files/model-files.ts';
import { indexFile, shardNames, wholeFile } from '../../model/files/safetensors.ts';
import type { HubFile, HubListing } from './hub-listing.ts';

/** What tells whether a model is read here, in a few kilobytes. */
const tellingNames = ['config.json', 'generation_config.json', 'adapter_config.json', indexFile];

/** What {@link neededFiles} reads. */
export function tellingFiles(where: string, listing: HubListing): HubFile[] {
  const names = tellingNames.filter((name) => listing.names.includes(name));
  return names.map((name) => describedFile(where, listing, name));
}

/**
 * All files of a model, after a look at what tells whether it is read here, before gigabytes are downloaded.
 *
 * @param folder holds the telling files
 * @throws MedixError 'model' where it is another kind of model, or files are missing
 */
export async function neededFiles(
  where: string,
  folder: string,
  listing: HubListing,
): Promise<HubFile[]> {
  const { names } = listing;
  await requireKnownModel(where, folder, names);
  const weights = await weightFiles(where, folder, names);
  const others = modelFileNames.filter((name) => names.includes(name));
  const needed = ['config.json', ...others, ...weights];
  return needed.map((name) => describedFile(where, listing, name));
}

function describedFile(where: string, { files, names }: HubListing, name: string): HubFile {
  const found = files.find((file) => file.name === name);
  if (found) return found;
  return fail('model', {
    where: `${where}: ${name}`,
    expected: 'a file whose size and digest the hub tells',
    got: names.includes(name) ? 'one without' : 'no such file',
    next: 'check HF_ENDPOINT, or use a complete checkpoint',
  });
}

async function requireKnownModel(
  where: string,
  folder: string,
  names: readonly string[],
): Promise<void> {
  const identity = await identifyNames(folder, names);
  if (identity?.kind === 'model-folder') {
    const files = await readFiles(folder, ['config.json', 'generation_config.json']);
    parseModelConfig(files, where);
    return;
  }
  const what = identity?.kind === 'gguf' ? undefined : identity;
  fail('model', {
    where,
    expected: 'a checkpoint in Hugging Face layout (config.json, *.safetensors, …)',
    got: what?.what ?? `a repository with ${listed(names)}`,
    next:
      what?.kind === 'adapter'
        ? 'download the adapter and its base model, and give the folder of the adapter'
        : (what?.next ?? `use a checkpoint of a family that is computed here (${familiesRead})`),
  });
}

/** One file counts before an index of shards, as where the folder is opened. */
async function weightFiles(
  where: string,
  folder: string,
  names: readonly string[],
): Promise<readonly string[]> {
  if (names.includes(wholeFile)) return [wholeFile];
  if (!names.includes(indexFile)) {
    fail('model', {
      where,
      expected: `weights in ${wholeFile} or in shards that ${indexFile} names`,
      got: listed(names.filter((name) => /\.(safetensors|bin|pth?|gguf|h5)$/.test(name))),
      next: 'use a checkpoint whose weights are in safetensors',
    });
  }
  const text = await readText(join(folder, indexFile));
  return [indexFile, ...shardNames(`${where}: ${indexFile}`, text)];
}
