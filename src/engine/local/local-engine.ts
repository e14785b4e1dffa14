/** The policy in this process: its processor turns text and images into tokens, its network computes. */
import { readModelConfig } from '../../model/config.ts';
import { readModelFiles } from '../../model/files/model-files.ts';
import { createProcessor } from '../../model/processor.ts';
import { loadOnnxRuntime } from '../../tensor/onnx-runtime.ts';
import { requireRoom } from '../context-length.ts';
import type { Engine } from '../engine.ts';
import { LocalPolicy } from './local-policy.ts';
import { type NetworkOptions, openNetwork } from './open-network.ts';

export type LocalEngineOptions = {
  /**
   * Padded tokens in one scoring or update pass: bounds memory. Prompts read for sampling may have four
   * times as many, since nothing of theirs is kept for a backward pass. @default 2048
   */
  readonly maxBatchTokens?: number;
  /** Completions decoded side by side. @default 256 */
  readonly maxRows?: number;
  /** Whether a group's prompt is computed once for all its completions. @default true */
  readonly sharePrompts?: boolean;
  /** @default whole, with all parameters trained */
  readonly network?: NetworkOptions;
};

/** A prefill may have this many times `maxBatchTokens`. */
const prefillFactor = 4;

/**
 * Opens a model directory in Hugging Face layout. Its weights are the policy's start and the reference.
 * @throws MedixError where the directory is no dense Qwen3-VL checkpoint, its weights are not finite, or ONNX
 *   Runtime is not installed.
 */
export async function openLocalEngine(
  directory: string,
  {
    maxBatchTokens = 2048,
    maxRows = 256,
    sharePrompts = true,
    network: networkOptions = { kind: 'whole', isTrained: () => true },
  }: LocalEngineOptions = {},
): Promise<Engine> {
  await loadOnnxRuntime();
  const config = await readModelConfig(directory);
  const files = await readModelFiles(directory);
  const processor = createProcessor(files, config);
  const network = await openNetwork(directory, config, files, networkOptions);
  const policy = new LocalPolicy(network, config, {
    directory,
    maxBatchTokens,
    maxPrefillTokens: prefillFactor * maxBatchTokens,
    maxRows,
    sharePrompts,
    stopTokens: processor.stopTokens,
    bannedTokens: processor.bannedTokens,
  });
  const model = {
    id: directory,
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
