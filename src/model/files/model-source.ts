/** What the name of a model stands for: a checkpoint, or an adapter on the checkpoint that it names. */
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { fail } from '../../core/errors.ts';
import { foundAt } from '../../core/files.ts';
import { type AdapterConfig, adapterFiles, readAdapterConfig } from './adapter-config.ts';
import { identify } from './identify.ts';
import { parseModelFile, readFiles } from './model-files.ts';
import { olderNames } from './weight-names.ts';

export type ModelSource = {
  /** As it was given. */
  readonly name: string;
  /** Folder of the checkpoint, which tokenizer, chat template and image settings come from. */
  readonly folder: string;
  readonly adapter: AdapterConfig | undefined;
};

/**
 * Weights are not read, and whether the folder holds a model that can be computed is told by whoever opens it.
 * @throws MedixError 'model' where an adapter is of a kind that is not computed here, or its base is not there
 */
export async function openModelSource(name: string): Promise<ModelSource> {
  if ((await identify(name)).kind !== 'adapter') return { name, folder: name, adapter: undefined };
  const adapter = await readAdapterConfig(name);
  const folder = await baseFolderOf(adapter);
  return { name, folder, adapter: await namedAsNetwork(adapter, folder) };
}

const baseSchema = z.looseObject({ vision_config: z.unknown().optional() });

/**
 * `peft` takes the names of layers from the version of `transformers` that it runs with; those of a model with a
 * vision tower were others before its version 4.52.
 */
async function namedAsNetwork(adapter: AdapterConfig, folder: string): Promise<AdapterConfig> {
  const files = await readFiles(folder, ['config.json']);
  if (!('config.json' in files)) return adapter;
  const where = join(folder, 'config.json');
  const base = parseModelFile(files, 'config.json', baseSchema, where);
  const layers = adapter.layers.map(olderNames.inNetwork);
  const isSame = layers.every((layer, i) => layer === adapter.layers[i]);
  if (isSame || base.vision_config === undefined) return adapter;
  return { ...adapter, layers, hasOlderNames: true };
}

/** A relative path is taken from the adapter's folder, else, as `peft` does, from the present one. */
async function baseFolderOf({ folder, base }: AdapterConfig): Promise<string> {
  for (const path of [resolve(folder, base), resolve(base)]) {
    if ((await foundAt(path)) === 'folder') return path;
  }
  return fail('model', {
    where: `${join(folder, adapterFiles.config)}: base_model_name_or_path`,
    expected: 'the folder of the model that the adapter was trained on',
    got: `${JSON.stringify(base)}, where there is none`,
    next: 'download that model where it is of a hub, and write the path of its folder there',
  });
}
