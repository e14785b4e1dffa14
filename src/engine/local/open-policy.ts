/** The policy of a model folder, without what turns text and images into tokens. */
import type { ModelConfig } from '../../model/config.ts';
import type { AdapterConfig } from '../../model/files/adapter-config.ts';
import type { ModelFiles } from '../../model/files/model-files.ts';
import type { Device } from '../../tensor/device.ts';
import { LocalPolicy, type PassLimits, usualLimits } from './local-policy.ts';
import { everyParameter, type NetworkOptions, openNetwork } from './open-network.ts';
import { requireDevice } from './require-device.ts';

/** Plain values, which may go to another thread. */
export type LocalEngineOptions = {
  /** @default {@link usualLimits} */
  readonly limits?: Partial<PassLimits>;
  /** @default whole with all parameters trained; of an adapter, layered over a base in float32 */
  readonly network?: NetworkOptions;
  /** @default the processor */
  readonly device?: Device;
  /** Threads that compute at most. @default one for each core */
  readonly threads?: number;
  /** See `ModelDescription` of engine.ts. */
  readonly setup?: string;
};

/** What has been read of a model folder beside its weights. */
export type PolicySource = {
  readonly directory: string;
  /** Where the model is an adapter on the checkpoint of the directory. */
  readonly adapter: AdapterConfig | undefined;
  readonly config: ModelConfig;
  readonly files: ModelFiles;
  readonly stopTokens: readonly number[];
  readonly bannedTokens: readonly number[];
};

export type OpenedPolicy = {
  readonly policy: LocalPolicy;
  /** All parameters, trained or not. */
  readonly parameters: number;
};

/**
 * @throws MedixError where the device is not there or ONNX Runtime is not installed, before any weight is read; where
 *   the weights cannot be read or are not finite
 */
export async function openPolicy(
  { directory, adapter, config, files, stopTokens, bannedTokens }: PolicySource,
  { limits, threads, network: options = usualNetwork(adapter), device = 'cpu' }: LocalEngineOptions,
): Promise<OpenedPolicy> {
  await requireDevice(device, options.kind === 'layered' && options.base === 'f16');
  const network = await openNetwork(directory, config, files, options, { device, threads });
  const settings = { ...usualLimits, ...limits, directory, stopTokens, bannedTokens };
  return { policy: new LocalPolicy(network, config, settings), parameters: network.parameters };
}

function usualNetwork(adapter: AdapterConfig | undefined): NetworkOptions {
  if (adapter === undefined) return { kind: 'whole', trained: everyParameter };
  return { kind: 'layered', base: 'f32', adapter: { opened: adapter }, cache: '', keptBytes: 0 };
}
