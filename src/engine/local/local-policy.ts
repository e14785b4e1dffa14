/**
 * The policy's verbs over a network in this thread: batches, loss, optimizer, checkpoints. Knows tokens and
 * arrays; text and images are the engine's (local-engine.ts).
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { invariant } from '../../core/errors.ts';
import { readText } from '../../core/files.ts';
import { makeFolder } from '../../core/make-folder.ts';
import { mergeMetrics } from '../../core/metrics.ts';
import { readingAs } from '../../core/reading.ts';
import type { ModelConfig } from '../../model/config.ts';
import { requireOwnHandle } from '../checkpoint-handle.ts';
import type {
  AdamParameters,
  CheckpointHandle,
  Loss,
  LossInput,
  LossPart,
  LossReport,
  SampledGroup,
  SampleRequest,
  Saved,
  Sequence,
  StepReport,
  Weights,
} from '../engine.ts';
import { type AdamState, adamStep } from './adam.ts';
import { branchGroups, microBatches, type UpdateBatch, updateBatch } from './batch.ts';
import type { Cancellation, Network, TargetFacts } from './network.ts';
import { basisSchema, requireBasis } from './require-basis.ts';
import { allFinite, failNotFinite } from './sampling/not-finite.ts';
import { sampleBatched } from './sampling/sampler.ts';
import {
  createParameterBuffer,
  type ParameterBuffer,
  readParameters,
  weightsFile,
  writeParameters,
} from './weights/parameter-buffer.ts';

/** A loss that may be computed elsewhere. */
export type AwaitedLoss = ((inputs: readonly LossInput[]) => LossPart | Promise<LossPart>) &
  Pick<Loss, 'movesEntropies'>;

/** How much is computed at once: bounds memory. */
export type PassLimits = {
  /** Padded tokens of one scoring or update pass. */
  readonly maxBatchTokens: number;
  /**
   * Padded tokens of the prompts read side by side for sampling; may be more, since nothing of theirs is kept
   * for a backward pass.
   */
  readonly maxPrefillTokens: number;
  /** Tokens whose keys and values are kept while sampling. */
  readonly maxCacheTokens: number;
  /** Completions decoded side by side. */
  readonly maxRows: number;
  /** Whether a group's prompt is computed once for all its completions. */
  readonly sharePrompts: boolean;
};

export const usualLimits: PassLimits = {
  maxBatchTokens: 2048,
  maxPrefillTokens: 8192,
  maxCacheTokens: Number.POSITIVE_INFINITY,
  maxRows: 256,
  sharePrompts: true,
};

export type PolicySettings = PassLimits & {
  /** Model directory, for messages. */
  readonly directory: string;
  readonly stopTokens: readonly number[];
  readonly bannedTokens: readonly number[];
};

/** What training adds to the weights; made at the first gradient. */
type TrainingState = { readonly gradient: ParameterBuffer; readonly adam: AdamState };

export class LocalPolicy {
  readonly #network: Network;
  readonly #config: ModelConfig;
  readonly #settings: PolicySettings;
  #training: TrainingState | undefined;
  /** Micro-batches since the last optimizer step. */
  #microBatches = 0;

  constructor(network: Network, config: ModelConfig, settings: PolicySettings) {
    this.#network = network;
    this.#config = config;
    this.#settings = settings;
  }

  sample(requests: readonly SampleRequest[], signal: Cancellation): AsyncGenerator<SampledGroup> {
    const settings = { config: this.#config, network: this.#network, ...this.#settings };
    return sampleBatched(requests, settings, signal);
  }

  async logprobs(
    sequences: readonly Sequence[],
    weights: Weights,
    signal: Cancellation,
  ): Promise<readonly Float32Array[]> {
    const results: Float32Array[] = sequences.map(() => new Float32Array(0));
    for (const batch of this.#batches(sequences)) {
      signal.throwIfAborted();
      const logprobs = await this.#network.score(batch, weights, signal);
      for (const { index, start, end } of batch.spans) {
        const found = logprobs.slice(start, end);
        if (!allFinite(found)) {
          const { directory } = this.#settings;
          const parameters = this.#network.trained.views;
          failNotFinite({ directory, parameters }, sequences[index]!.prompt);
        }
        results[index] = found;
      }
    }
    return results;
  }

  async forwardBackward(
    sequences: readonly Sequence[],
    loss: AwaitedLoss,
    signal: Cancellation,
  ): Promise<LossReport> {
    const parts: LossPart[] = [];
    const { movesEntropies = false } = loss;
    for (const batch of this.#batches(sequences)) {
      signal.throwIfAborted();
      const gradients = async ({ logprobs, entropies }: TargetFacts) => {
        const inputs = batch.spans.map(({ index, start, end }) => ({
          index,
          policyLogprobs: logprobs.slice(start, end),
          policyEntropies: entropies.slice(start, end),
        }));
        const part = await loss(inputs);
        parts.push(part);
        const size = logprobs.length;
        return {
          logprobs: spread(part.gradients, batch, size),
          ...(movesEntropies
            ? { entropies: spread(part.entropyGradients ?? [], batch, size) }
            : {}),
        };
      };
      const { gradient, adam } = this.#trainingState();
      const key = `${adam.steps}/${this.#microBatches++}`;
      await this.#network.accumulate(batch, { movesEntropies, gradients }, gradient, signal, key);
    }
    return {
      loss: parts.reduce((total, part) => total + part.loss, 0),
      metrics: mergeMetrics(parts.map(({ metrics }) => metrics)),
    };
  }

  async optimStep(adam: AdamParameters): Promise<StepReport> {
    const { gradient, adam: state } = this.#trainingState();
    const report = adamStep(this.#network.trained, gradient, state, adam);
    gradient.flat.fill(0);
    this.#microBatches = 0;
    return report;
  }

  async save(folder: string, what: Saved = 'all'): Promise<CheckpointHandle> {
    await makeFolder(folder);
    await writeParameters(weightsFile(folder), [['', this.#network.trained]]);
    if (what === 'weights') {
      await writeFile(
        join(folder, stateFile),
        JSON.stringify({ steps: 0, ...this.#network.basis }),
      );
      return { engine: engineName };
    }
    const { first, second, steps } = this.#trainingState().adam;
    await writeParameters(join(folder, optimizerFile), [
      ['first.', first],
      ['second.', second],
    ]);
    await writeFile(join(folder, stateFile), JSON.stringify({ steps, ...this.#network.basis }));
    return { engine: engineName };
  }

  async load(handle: CheckpointHandle, folder: string, what: Saved = 'all'): Promise<void> {
    requireOwnHandle(handle, engineName, folder);
    const path = join(folder, stateFile);
    const { steps, ...saved } = await readState(path);
    requireBasis(this.#network.basis, saved, path);
    await readParameters(this.#network.trained, weightsFile(folder));
    if (what === 'weights') {
      this.#training = undefined;
      this.#microBatches = 0;
      return;
    }
    const state = this.#trainingState();
    await readParameters(state.adam.first, join(folder, optimizerFile), 'first.');
    await readParameters(state.adam.second, join(folder, optimizerFile), 'second.');
    state.adam.steps = steps;
    state.gradient.flat.fill(0);
    this.#microBatches = 0;
  }

  exportModel(directory: string): Promise<void> {
    return this.#network.exportModel(directory);
  }

  close(): Promise<void> {
    return this.#network.close();
  }

  *#batches(sequences: readonly Sequence[]): Generator<UpdateBatch> {
    const { sharePrompts, maxBatchTokens } = this.#settings;
    for (const batch of microBatches(branchGroups(sequences, sharePrompts), maxBatchTokens)) {
      yield updateBatch(batch, this.#config);
    }
  }

  #trainingState(): TrainingState {
    const { specs } = this.#network.trained;
    this.#training ??= {
      gradient: createParameterBuffer(specs),
      adam: {
        first: createParameterBuffer(specs),
        second: createParameterBuffer(specs),
        steps: 0,
      },
    };
    return this.#training;
  }
}

/** Gradients by sequence → [M]. */
function spread(
  gradients: readonly Float32Array[],
  batch: UpdateBatch,
  size: number,
): Float32Array {
  const whole = new Float32Array(size);
  batch.spans.forEach(({ start, end }, i) => {
    const gradient = gradients[i];
    invariant(gradient?.length === end - start, 'a loss gradient has the length of its logprobs');
    whole.set(gradient, start);
  });
  return whole;
}

const engineName = 'local';
const optimizerFile = 'optimizer.safetensors';
const stateFile = 'engine.json';
const stateSchema = basisSchema.partial().extend({ steps: z.int().nonnegative() });

async function readState(path: string): Promise<z.infer<typeof stateSchema>> {
  const asked = {
    boundary: 'engine',
    where: path,
    expected: 'the state of a local engine',
    next: 'resume from another checkpoint',
  } as const;
  return readingAs(
    asked,
    () => readText(path),
    (text) => stateSchema.parse(JSON.parse(text)),
  );
}
