/** Where the model is that a user names: a folder of this machine, or a model of a Hugging Face hub. */
import { basename, join, resolve } from 'node:path';
import type { EngineConfig } from '../config/engine-config.ts';
import type { HubAccess } from '../config/environment.ts';
import type { Clock } from '../core/async/clock.ts';
import { foundAt, fromHome } from '../core/files.ts';
import { readModelConfig } from '../model/config.ts';
import { families } from '../model/families/families.ts';
import { openModelSource } from '../model/files/model-source.ts';
import { type ModelParts, openHubModel } from './hub/hub-models.ts';
import { type HubName, parseHubName } from './hub/hub-name.ts';

export type FoundModel = {
  /** What engines open. */
  readonly folder: string;
  /** What finds the same model again: as it was given, but at the commit where it is of the hub. */
  readonly name: string;
};

export type ModelAccess = {
  readonly hub: HubAccess;
  readonly clock: Clock;
  /** Hears in one line how far a download is. @default nobody */
  readonly onProgress?: (line: string) => void;
};

/**
 * Finds a model, and downloads it where it is of the hub (`owner/name` or `owner/name@revision`) and not kept
 * in the engine's cache. A folder of that name comes first. An engine of the user's own takes names as they are.
 *
 * @param parts what of the model has to be in its folder. @default all
 * @throws MedixError as {@link openHubModel}; what is neither folder nor name of the hub is told by whoever
 *   opens it
 */
export async function findModel(
  config: EngineConfig,
  model: string,
  { hub, clock, onProgress }: ModelAccess,
  signal: AbortSignal,
  parts: ModelParts = 'all',
): Promise<FoundModel> {
  const name = config.kind === 'module' ? undefined : await hubNameOf(model);
  if (config.kind === 'module' || name === undefined) return { folder: model, name: model };
  const folder = join(fromHome(config.cache), 'models');
  const progress = onProgress === undefined ? {} : { onProgress };
  // Where a server has the weights, tokenizer and settings are enough.
  const needed = config.kind === 'tinker' ? 'all-but-weights' : parts;
  const opened = await openHubModel(name, { folder, hub, clock, ...progress }, signal, needed);
  return { folder: opened.folder, name: `${name.id}@${opened.commit}` };
}

/** A model's own name, without the place where it is. */
export async function modelNameOf(model: string): Promise<string> {
  return basename((await hubNameOf(model))?.id ?? resolve(model));
}

export type ModelKind = {
  /** The model's class in `transformers`. */
  readonly architecture: string;
  readonly readsImages: boolean;
};

/**
 * What a model's config.json tells of it before its weights are read; undefined where an engine of the user's own
 * opens it.
 * @param folder as {@link findModel} gives it
 * @throws MedixError 'model' as reading its config does
 */
export async function modelKindOf(
  config: EngineConfig,
  folder: string,
): Promise<ModelKind | undefined> {
  if (config.kind === 'module') return undefined;
  const source = await openModelSource(folder);
  const { family, vision } = await readModelConfig(source.folder);
  return { architecture: families[family].architecture, readsImages: vision !== undefined };
}

/** Undefined for a path: of something that is there, or below a folder that is there. */
async function hubNameOf(model: string): Promise<HubName | undefined> {
  const name = parseHubName(model);
  if (name === undefined || (await exists(model))) return undefined;
  return (await exists(name.id.split('/')[0] ?? '')) ? undefined : name;
}

async function exists(path: string): Promise<boolean> {
  return foundAt(path).then(
    (found) => found !== 'missing',
    () => false,
  );
}
