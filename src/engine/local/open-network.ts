/** The network of a model folder: whole to train its parameters, layered to train an adapter or to answer. */
import { resolve } from 'node:path';
import type { ModelConfig } from '../../model/config.ts';
import type { AdapterConfig } from '../../model/files/adapter-config.ts';
import type { ModelFiles } from '../../model/files/model-files.ts';
import type { TensorStore } from '../../model/files/safetensors.ts';
import { openWeights } from '../../model/files/weight-names.ts';
import { type ParameterSpec, parameterSpecs } from '../../model/parameters.ts';
import { type Compile, compileFor, type Hardware } from '../../tensor/program.ts';
import { copyCheckpoint } from './checkpoint-files.ts';
import { LayeredNetwork } from './layered/layered-network.ts';
import type { Network } from './network.ts';
import { type Adapter, type AdapterSettings, createAdapter } from './weights/adapter.ts';
import { readAdapter, requireBase, writeAdapter } from './weights/adapter-file.ts';
import type { Base, BaseFormat } from './weights/base.ts';
import { baseDigest } from './weights/base-digest.ts';
import type { Dropout } from './weights/dropout.ts';
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
  | LayeredNetworkOptions;

export type LayeredNetworkOptions = {
  readonly kind: 'layered';
  readonly base: BaseFormat;
  /** A new one, made from the seed, or one of a folder; undefined: nothing is trained. */
  readonly adapter:
    | { readonly settings: AdapterSettings; readonly seed: number }
    | { readonly opened: AdapterConfig; readonly dropout?: Dropout | undefined }
    | undefined;
  /** Folder for bases in 8 bits. */
  readonly cache: string;
  /** Bytes of a forward pass that may be kept for the backward pass. */
  readonly keptBytes: number;
};

/** @param threads that compute at most. @default one for each core */
export async function openNetwork(
  directory: string,
  config: ModelConfig,
  files: ModelFiles,
  options: NetworkOptions,
  hardware: Hardware = {},
): Promise<Network> {
  const compile = compileFor(hardware);
  const store = await openWeights(directory);
  try {
    // Before memory is taken for what a config only says.
    requireTensors(store, parameterSpecs(config));
    if (options.kind === 'layered') {
      return await openLayered(directory, config, files, { ...options, compile }, store);
    }
  } catch (error) {
    await store.close();
    throw error;
  }
  await store.close();
  const weights = createStores(config, (name) => options.trained.test(name));
  await readParameters(weights.frozen, directory);
  await readParameters(weights.trained, directory);
  return new WholeNetwork(config, { directory, files, weights, names: store.names, compile });
}

/** The adapter comes first: what is wrong with it is told before gigabytes are read. */
async function openLayered(
  directory: string,
  config: ModelConfig,
  files: ModelFiles,
  options: LayeredNetworkOptions & { readonly compile: Compile },
  store: TensorStore,
): Promise<Network> {
  const specs = parameterSpecs(config);
  const adapter = await openAdapter(options.adapter, specs, directory, store);
  const base = await openBase(config, options, store);
  return new LayeredNetwork(base, adapter, {
    keptBytes: options.keptBytes,
    compile: options.compile,
    exportModel: async (folder) => {
      if (adapter === undefined) return copyCheckpoint(directory, folder);
      const { digest, format } = base;
      const facts = { base: { digest, format } };
      return writeAdapter(folder, adapter, resolve(directory), facts, specs, files);
    },
  });
}

async function openAdapter(
  wanted: LayeredNetworkOptions['adapter'],
  specs: readonly ParameterSpec[],
  directory: string,
  store: TensorStore,
): Promise<Adapter | undefined> {
  if (wanted === undefined) return undefined;
  if (!('opened' in wanted)) return createAdapter(wanted.settings, specs, wanted.seed);
  requireBase(wanted.opened, directory, await baseDigest(store));
  return readAdapter(wanted.opened, specs, wanted.dropout);
}

function openBase(
  config: ModelConfig,
  { base, cache }: LayeredNetworkOptions,
  store: TensorStore,
): Promise<Base> {
  if (base === 'int8') return openIntegerBase(config, store, cache, () => {});
  return loadBase(base, config, store);
}
