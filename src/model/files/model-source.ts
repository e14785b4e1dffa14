/** What the name of a model stands for: a checkpoint, or an adapter on the checkpoint that it names. */
import { join, resolve } from 'node:path';
import { fail } from '../../core/errors.ts';
import { foundAt } from '../../core/files.ts';
import { type AdapterConfig, adapterFiles, readAdapterConfig } from './adapter-config.ts';
import { identify } from './identify.ts';

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
  return { name, folder: await baseFolderOf(adapter), adapter };
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
