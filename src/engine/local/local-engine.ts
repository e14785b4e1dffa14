/**
 * The policy in this process: ONNX Runtime computes the graphs, weights and optimizer live in plain
 * buffers that the graphs read and write in place. Trains parameters as they are, in float32.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { invariant } from '../../core/errors.ts';
import { readText } from '../../core/files.ts';
import { mergeMetrics } from '../../core/metrics.ts';
import { readingAs } from '../../core/reading.ts';
import { type ModelConfig, readModelConfig } from '../../model/config.ts';
import { type ModelFiles, readModelFiles } from '../../model/files/model-files.ts';
import { parameterSpecs } from '../../model/parameters.ts';
import { createProcessor } from '../../model/processor.ts';
import type { Processor } from '../../model/prompt.ts';
import { BufferPool } from '../../tensor/buffer-pool.ts';
import { loadOnnxRuntime } from '../../tensor/onnx-runtime.ts';
import { requireOwnHandle } from '../checkpoint-handle.ts';
import { requireRoom } from '../context-length.ts';
import type {
  AdamParameters,
  CheckpointHandle,
  Engine,
  Loss,
  LossReport,
  ModelDescription,
  SampledGroup,
  SampleRequest,
  Sequence,
  StepReport,
  Weights,
} from '../engine.ts';
import { type AdamState, adamStep } from './adam.ts';
import {
  type Branches,
  branchGroups,
  microBatches,
  type UpdateBatch,
  updateBatch,
} from './batch.ts';
import { writeModel } from './model-directory.ts';
import { allFinite, failNotFinite } from './not-finite.ts';
import { Programs } from './programs.ts';
import { sampleBatched } from './sampler.ts';
import {
  createParameterBuffer,
  createStores,
  type ParameterBuffer,
  type ParameterStores,
  readParameters,
  requireFinite,
  requireTensors,
  weightsFile,
  writeParameters,
} from './weights.ts';

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
  /** Which parameters training changes, by name; the others stay as they were opened. @default all */
  readonly isTrained?: (name: string) => boolean;
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
  options: LocalEngineOptions = {},
): Promise<Engine> {
  await loadOnnxRuntime();
  const config = await readModelConfig(directory);
  const files = await readModelFiles(directory);
  const { isTrained = () => true } = options;
  await requireTensors(parameterSpecs(config), directory);
  const weights = createStores(config, isTrained);
  await readParameters(weights.frozen, directory);
  await readParameters(weights.trained, directory);
  for (const buffer of [weights.frozen, weights.trained]) requireFinite(buffer, directory);
  const parts = { directory, config, files, processor: createProcessor(files, config), weights };
  return new LocalEngine(parts, options);
}

type Parts = {
  readonly directory: string;
  readonly config: ModelConfig;
  readonly files: ModelFiles;
  readonly processor: Processor;
  readonly weights: ParameterStores;
};

/** What training adds to the weights; made at the first gradient. */
type TrainingState = { readonly gradient: ParameterBuffer; readonly adam: AdamState };

class LocalEngine implements Engine {
  readonly model: ModelDescription;
  readonly guarantees = { samplerLogprobs: 'exact', losses: [] } as const;
  readonly #parts: Parts;
  readonly #options: Required<Omit<LocalEngineOptions, 'isTrained'>>;
  readonly #programs: Programs;
  readonly #pool = new BufferPool();
  #training: TrainingState | undefined;
  #reference: Promise<ParameterBuffer> | undefined;

  constructor(parts: Parts, options: LocalEngineOptions) {
    this.#parts = parts;
    this.#options = { maxBatchTokens: 2048, maxRows: 256, sharePrompts: true, ...options };
    const trained = parts.weights.trained.specs.map(({ name }) => name);
    this.#programs = new Programs(parts.config, trained);
    this.model = {
      id: parts.directory,
      contextLength: parts.config.text.maxPositions,
      parameters: parts.weights.frozen.flat.length + parts.weights.trained.flat.length,
      processor: parts.processor,
    };
  }

  sample(requests: readonly SampleRequest[], signal: AbortSignal): AsyncIterable<SampledGroup> {
    for (const { prompt, maxTokens } of requests) requireRoom(this.model, prompt, maxTokens);
    const { config, directory, weights, processor } = this.#parts;
    const settings = {
      directory,
      config,
      programs: this.#programs,
      parameters: weights.views,
      stopTokens: processor.stopTokens,
      bannedTokens: processor.bannedTokens,
      maxRows: this.#options.maxRows,
      maxPrefillTokens: prefillFactor * this.#options.maxBatchTokens,
    };
    return sampleBatched(requests, settings, signal);
  }

  async logprobs(
    sequences: readonly Sequence[],
    weights: Weights,
    signal: AbortSignal,
  ): Promise<readonly Float32Array[]> {
    const views = weights === 'policy' ? this.#parts.weights.views : await this.#referenceViews();
    const results: Float32Array[] = sequences.map(() => new Float32Array(0));
    for (const batch of this.#batches(sequences)) {
      signal.throwIfAborted();
      const program = await this.#programs.score(batch.images);
      const logprobs = new Float32Array(batch.bindings['M']!);
      await program.run({ ...views, ...batch.values }, { logprobs }, batch.bindings);
      for (const { index, start, end } of batch.spans) {
        const found = logprobs.slice(start, end);
        if (!allFinite(found)) {
          const { directory } = this.#parts;
          failNotFinite({ directory, parameters: views }, sequences[index]!.prompt);
        }
        results[index] = found;
      }
    }
    return results;
  }

  async forwardBackward(
    sequences: readonly Sequence[],
    loss: Loss,
    signal: AbortSignal,
  ): Promise<LossReport> {
    const reports: LossReport[] = [];
    for (const batch of this.#batches(sequences)) {
      signal.throwIfAborted();
      reports.push(await this.#accumulate(batch, loss));
    }
    return {
      loss: reports.reduce((total, report) => total + report.loss, 0),
      metrics: mergeMetrics(reports.map((report) => report.metrics)),
    };
  }

  async optimStep(adam: AdamParameters): Promise<StepReport> {
    const { gradient, adam: state } = this.#trainingState();
    const report = adamStep(this.#parts.weights.trained, gradient, state, adam);
    gradient.flat.fill(0);
    return report;
  }

  async save(folder: string): Promise<CheckpointHandle> {
    await mkdir(folder, { recursive: true });
    const { first, second, steps } = this.#trainingState().adam;
    await writeParameters(weightsFile(folder), [['', this.#parts.weights.trained]]);
    await writeParameters(join(folder, optimizerFile), [
      ['first.', first],
      ['second.', second],
    ]);
    await writeFile(join(folder, stateFile), JSON.stringify({ steps }));
    return { engine: engineName };
  }

  async load(handle: CheckpointHandle, folder: string): Promise<void> {
    requireOwnHandle(handle, engineName, folder);
    const state = this.#trainingState();
    const { steps } = await readState(join(folder, stateFile));
    await readParameters(this.#parts.weights.trained, weightsFile(folder));
    requireFinite(this.#parts.weights.trained, weightsFile(folder));
    await readParameters(state.adam.first, join(folder, optimizerFile), 'first.');
    await readParameters(state.adam.second, join(folder, optimizerFile), 'second.');
    state.adam.steps = steps;
    state.gradient.flat.fill(0);
  }

  async exportModel(directory: string): Promise<void> {
    const { config, files, weights } = this.#parts;
    requireFinite(weights.trained, 'the trained model');
    return writeModel(directory, config, files, [weights.frozen, weights.trained]);
  }

  async close(): Promise<void> {
    await this.#programs.dispose();
  }

  /** Forward, loss, backward of one micro-batch; gradients add to what is there. */
  async #accumulate(batch: UpdateBatch, loss: Loss): Promise<LossReport> {
    const { forward, backward, trained } = await this.#programs.update(batch.images);
    const values = { ...this.#parts.weights.views, ...batch.values };
    const results: Record<string, Float32Array> = {};
    for (const [name, size] of forward.resultSizes(batch.bindings)) {
      results[name] = this.#pool.take(size);
    }
    await forward.run(values, results, batch.bindings);

    const logprobs = results['logprobs']!;
    const part = loss(
      batch.spans.map(({ index, start, end }) => ({
        index,
        policyLogprobs: logprobs.slice(start, end),
      })),
    );
    const outputGradient = new Float32Array(logprobs.length);
    batch.spans.forEach(({ start, end }, i) => {
      const gradient = part.gradients[i];
      invariant(gradient?.length === end - start, 'a loss gradient has the length of its logprobs');
      outputGradient.set(gradient, start);
    });

    const gradient = this.#trainingState().gradient.views;
    const accumulated: Record<string, Float32Array> = {};
    const updated: Record<string, Float32Array> = {};
    for (const name of trained) {
      accumulated[`accumulated:${name}`] = gradient[name]!;
      updated[`gradient:${name}`] = gradient[name]!;
    }
    await backward.run(
      { ...values, ...results, ...accumulated, outputGradient },
      updated,
      batch.bindings,
    );
    for (const buffer of Object.values(results)) this.#pool.give(buffer);
    return { loss: part.loss, metrics: part.metrics };
  }

  *#batches(sequences: readonly Sequence[]): Generator<UpdateBatch> {
    for (const { prompt, completion } of sequences)
      requireRoom(this.model, prompt, completion.length);
    const groups: Branches[] = branchGroups(sequences, this.#options.sharePrompts);
    for (const batch of microBatches(groups, this.#options.maxBatchTokens)) {
      yield updateBatch(batch, this.#parts.config);
    }
  }

  #trainingState(): TrainingState {
    const { specs } = this.#parts.weights.trained;
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

  /** What is frozen is the reference's too; what is trained is read again as it was. */
  async #referenceViews(): Promise<ParameterBuffer['views']> {
    const { directory, weights } = this.#parts;
    this.#reference ??= (async () => {
      const buffer = createParameterBuffer(weights.trained.specs);
      await readParameters(buffer, directory);
      return buffer;
    })();
    return { ...weights.frozen.views, ...(await this.#reference).views };
  }
}

const engineName = 'local';
const optimizerFile = 'optimizer.safetensors';
const stateFile = 'engine.json';
const stateSchema = z.object({ steps: z.int().nonnegative() });

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
