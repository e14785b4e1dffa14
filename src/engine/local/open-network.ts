/** The network of a model folder: whole to train its parameters, layered to train an adapter or to answer. */
import type { ModelConfig } from '../../model/config.ts';
import type { ModelFiles } from '../../model/files/model-files.ts';
import { openSafetensors } from '../../model/files/safetensors.ts';
import { parameterSpecs } from '../../model/parameters.ts';
import { LayeredNetwork } from './layered/layered-network.ts';
import type { Network } from './network.ts';
import { type AdapterSettings, createAdapter } from './weights/adapter.ts';
import type { Base, BaseFormat } from './weights/base.ts';
import { openIntegerBase } from './weights/integer-base.ts';
import { loadBase } from './weights/loaded-base.ts';
import { createStores, readParameters } from './weights/parameter-buffer.ts';
import { requireTensors } from './weights/read-checked.ts';
import { WholeNetwork } from './whole/whole-network.ts';

/** For {@link NetworkOptions}. */
export const everyParameter = /^/;
export const noParameter = /^$/;

/** Plain values, which may go to another thread. */
export type NetworkOptions =
  | {
      readonly kind: 'whole';
      /** Matches the names of the parameters that training changes; the others stay as they were opened. */
      readonly trained: RegExp;
    }
  | {
      readonly kind: 'layered';
      readonly base: BaseFormat;
      /** A new one, made from the seed; undefined: nothing is trained. */
      readonly adapter: { readonly settings: AdapterSettings; readonly seed: number } | undefined;
      /** Folder for bases in 8 bits. */
      readonly cache: string;
      /** Bytes of a forward pass that may be kept for the backward pass. */
      readonly keptBytes: number;
    };

export async function openNetwork(
  directory: string,
  config: ModelConfig,
  files: ModelFiles,
  options: NetworkOptions,
): Promise<Network> {
  if (options.kind === 'whole') {
    await requireShapes(config, directory);
    const weights = createStores(config, (name) => options.trained.test(name));
    await readParameters(weights.frozen, directory);
    await readParameters(weights.trained, directory);
    return new WholeNetwork(config, { directory, files, weights });
  }
  const base = await openBase(directory, config, options);
  const adapter =
    options.adapter &&
    createAdapter(options.adapter.settings, parameterSpecs(config), options.adapter.seed);
  return new LayeredNetwork(base, adapter, {
    keptBytes: options.keptBytes,
    exportModel: async () => {
      throw new Error('not yet');
    },
  });
}

/** Before memory is taken for what a config only says. */
async function requireShapes(config: ModelConfig, directory: string): Promise<void> {
  const store = await openSafetensors(directory);
  try {
    requireTensors(store, parameterSpecs(config));
  } finally {
    await store.close();
  }
}

async function openBase(
  directory: string,
  config: ModelConfig,
  { base, cache }: Extract<NetworkOptions, { kind: 'layered' }>,
): Promise<Base> {
  const store = await openSafetensors(directory);
  if (base === 'int8') {
    return openIntegerBase(config, store, cache, () => {});
  }
  return loadBase(base, config, store);
}
