/**
 * The policy in this process: its processor turns text and images into tokens, its network computes. A
 * policy in this thread holds up everything else while it computes; commands have one in a thread of its own
 * (thread/threaded-engine.ts).
 */
import { readModelConfig } from '../../model/config.ts';
import { readModelFiles } from '../../model/files/model-files.ts';
import { openModelSource } from '../../model/files/model-source.ts';
import { createProcessor } from '../../model/processor.ts';
import type { Processor } from '../../model/prompt.ts';
import { requireRoom } from '../context-length.ts';
import type { Engine, ModelDescription } from '../engine.ts';
import { type LocalEngineOptions, openPolicy, type PolicySource } from './open-policy.ts';

/**
 * Opens a model folder in Hugging Face layout, or an adapter's of `peft` together with its base, in this
 * thread. Its weights are the policy's start and the reference.
 * @throws MedixError where the folder is no checkpoint of a family of model/families/ or an adapter of one, its
 *   weights are not finite, or ONNX Runtime is not installed.
 */
export async function openLocalEngine(
  name: string,
  options: LocalEngineOptions = {},
): Promise<Engine> {
  const { source, processor } = await readModel(name);
  const { policy, parameters } = await openPolicy(source, options);
  return engineOf(policy, { ...source, ...options, name, processor, parameters });
}

/** All but the weights. */
export async function readModel(
  name: string,
): Promise<{ readonly source: PolicySource; readonly processor: Processor }> {
  const { folder: directory, adapter } = await openModelSource(name);
  const config = await readModelConfig(directory);
  const files = await readModelFiles(directory);
  const processor = createProcessor(files, config);
  const { stopTokens, bannedTokens } = processor;
  return { source: { directory, adapter, config, files, stopTokens, bannedTokens }, processor };
}

type Described = Pick<PolicySource, 'config'> &
  Pick<LocalEngineOptions, 'network' | 'setup'> &
  Pick<ModelDescription, 'parameters' | 'processor'> & { readonly name: string };

/** An engine whose verbs are those of `policy`, which is asked for nothing that exceeds the model's context. */
export function engineOf(
  policy: Omit<Engine, 'model' | 'guarantees'>,
  { name, config, parameters, network, setup, processor }: Described,
): Engine {
  const model = {
    id: name,
    contextLength: config.text.maxPositions,
    parameters,
    ...(setup === undefined ? {} : { setup }),
    processor,
  };
  const requireFit = (sequences: Parameters<Engine['logprobs']>[0]) => {
    for (const { prompt, completion } of sequences) requireRoom(model, prompt, completion.length);
  };
  // Activations have 16 bits beside 8-bit weights: a sum in another order may round to the next of their steps.
  const isRounded = network?.kind === 'layered' && network.base === 'int8';
  return {
    model,
    guarantees: {
      samplerLogprobs: isRounded ? 'approximate' : 'exact',
      losses: [],
      entropies: true,
    },
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
    save: (folder, what) => policy.save(folder, what),
    load: (handle, folder, what) => policy.load(handle, folder, what),
    exportModel: (folder) => policy.exportModel(folder),
    close: () => policy.close(),
  };
}
