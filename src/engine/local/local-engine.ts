/** The policy in this process: its processor turns text and images into tokens, its network computes. */
import { readModelConfig } from '../../model/config.ts';
import { readModelFiles } from '../../model/files/model-files.ts';
import { type ModelSource, openModelSource } from '../../model/files/model-source.ts';
import { createProcessor } from '../../model/processor.ts';
import { loadOnnxRuntime } from '../../tensor/onnx-runtime.ts';
import { requireRoom } from '../context-length.ts';
import type { Engine } from '../engine.ts';
import { LocalPolicy, type PassLimits, usualLimits } from './local-policy.ts';
import { type NetworkOptions, openNetwork } from './open-network.ts';

export type LocalEngineOptions = {
  /** @default {@link usualLimits} */
  readonly limits?: Partial<PassLimits>;
  /** @default whole with all parameters trained; of an adapter, layered over a base in float32 */
  readonly network?: NetworkOptions;
};

/**
 * Opens a model folder in Hugging Face layout, or an adapter's of `peft` together with its base. Its weights
 * are the policy's start and the reference.
 * @throws MedixError where the folder is no dense Qwen3-VL checkpoint or an adapter of one, its weights are not
 *   finite, or ONNX Runtime is not installed.
 */
export async function openLocalEngine(
  name: string,
  options: LocalEngineOptions = {},
): Promise<Engine> {
  await loadOnnxRuntime();
  const source = await openModelSource(name);
  const { folder: directory } = source;
  const { limits, network: networkOptions = usualNetwork(source) } = options;
  const config = await readModelConfig(directory);
  const files = await readModelFiles(directory);
  const processor = createProcessor(files, config);
  const network = await openNetwork(directory, config, files, networkOptions);
  const policy = new LocalPolicy(network, config, {
    ...usualLimits,
    ...limits,
    directory,
    stopTokens: processor.stopTokens,
    bannedTokens: processor.bannedTokens,
  });
  const model = {
    id: name,
    contextLength: config.text.maxPositions,
    parameters: network.parameters,
    processor,
  };
  const requireFit = (sequences: Parameters<Engine['logprobs']>[0]) => {
    for (const { prompt, completion } of sequences) requireRoom(model, prompt, completion.length);
  };
  return {
    model,
    guarantees: { samplerLogprobs: 'exact', losses: [] },
    sample: (requests, signal) => {
      for (const { prompt, maxTokens } of requests) requireRoom(model, prompt, maxTokens);
      return policy.sample(requests, signal);
    },
    logprobs: async (sequences, weightsOf, signal) => {
      requireFit(sequences);
      return policy.logprobs(sequences, weightsOf, signal);
    },
    forwardBackward: async (sequences, loss, signal) => {
      requireFit(sequences);
      return policy.forwardBackward(sequences, loss, signal);
    },
    optimStep: (adam) => policy.optimStep(adam),
    save: (folder) => policy.save(folder),
    load: (handle, folder) => policy.load(handle, folder),
    exportModel: (folder) => policy.exportModel(folder),
    close: () => policy.close(),
  };
}

function usualNetwork({ adapter }: ModelSource): NetworkOptions {
  if (adapter === undefined) return { kind: 'whole', isTrained: () => true };
  const opened = { opened: adapter };
  return { kind: 'layered', base: 'f32', adapter: opened, cache: '', keptBytes: 0 };
}
