/** The policy in this process: its processor turns text and images into tokens, its network computes. */
import { readModelConfig } from '../../model/config.ts';
import { readModelFiles } from '../../model/files/model-files.ts';
import { createProcessor } from '../../model/processor.ts';
import { loadOnnxRuntime } from '../../tensor/onnx-runtime.ts';
import { requireRoom } from '../context-length.ts';
import type { Engine } from '../engine.ts';
import { LocalPolicy, type PassLimits, usualLimits } from './local-policy.ts';
import { type NetworkOptions, openNetwork } from './open-network.ts';

export type LocalEngineOptions = {
  /** @default {@link usualLimits} */
  readonly limits?: Partial<PassLimits>;
  /** @default whole, with all parameters trained */
  readonly network?: NetworkOptions;
  /** See {@link Engine.model}. */
  readonly setup?: string;
};

/**
 * Opens a model directory in Hugging Face layout. Its weights are the policy's start and the reference.
 * @throws MedixError where the directory is no dense Qwen3-VL checkpoint, its weights are not finite, or ONNX
 *   Runtime is not installed.
 */
export async function openLocalEngine(
  directory: string,
  {
    limits,
    setup,
    network: networkOptions = { kind: 'whole', isTrained: () => true },
  }: LocalEngineOptions = {},
): Promise<Engine> {
  await loadOnnxRuntime();
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
    id: directory,
    contextLength: config.text.maxPositions,
    parameters: network.parameters,
    ...(setup === undefined ? {} : { setup }),
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
