/**
 * A network whose passes are one program each, in float32, any parameter of which may be trained. What it
 * computes for the backward pass stays in memory for the whole network at once.
 */
import type { ModelConfig } from '../../../model/config.ts';
import type { ModelFiles } from '../../../model/files/model-files.ts';
import { sameNames, type WeightNames } from '../../../model/files/weight-names.ts';
import { BufferPool } from '../../../tensor/buffer-pool.ts';
import { type Compile, Program, type Values } from '../../../tensor/program.ts';
import type { Weights } from '../../engine.ts';
import type { PrefillBatch, UpdateBatch } from '../batch.ts';
import { writeModel } from '../model-directory.ts';
import type { Cancellation, Network, StepBatch, TargetLoss } from '../network.ts';
import type { KeyValueCache } from '../sampling/key-value-cache.ts';
import { visionInputs } from '../vision-batch.ts';
import {
  createParameterBuffer,
  namedInFile,
  type ParameterBuffer,
  type ParameterStores,
  readParameters,
} from '../weights/parameter-buffer.ts';
import { requireFinite } from '../weights/read-checked.ts';
import { type BatchWithImages, ownImages, packBatch } from './packed-batch.ts';
import { Programs } from './programs.ts';

type WholeParts = {
  /** Where the weights were read, which are the reference. */
  readonly directory: string;
  readonly files: ModelFiles;
  readonly weights: ParameterStores;
  /** Of tensors in files, also in those that are written. @default those of parameters */
  readonly names?: WeightNames;
  /** @default on one thread for each core */
  readonly compile?: Compile;
};

export class WholeNetwork implements Network {
  readonly basis = undefined;
  readonly trained: ParameterBuffer;
  readonly parameters: number;
  readonly #config: ModelConfig;
  readonly #parts: WholeParts;
  readonly #programs: Programs;
  readonly #pool = new BufferPool();
  #reference: Promise<ParameterBuffer> | undefined;

  constructor(config: ModelConfig, parts: WholeParts) {
    const { weights } = parts;
    this.#config = config;
    this.#parts = parts;
    this.trained = weights.trained;
    this.parameters = weights.frozen.flat.length + weights.trained.flat.length;
    this.#programs = new Programs(
      config,
      weights.trained.specs.map(({ name }) => name),
      parts.compile ?? Program.compile,
    );
  }

  async prefill(batch: PrefillBatch, cache: KeyValueCache): Promise<Float32Array> {
    const { values, bindings, images } = this.#withImages(batch);
    const program = await this.#programs.prefill(images);
    const logprobs = new Float32Array(batch.prompts.length * this.#config.text.vocabSize);
    await program.run(
      { ...this.#parts.weights.views, ...values },
      { logprobs, ...cache.promptValues },
      bindings,
    );
    return logprobs;
  }

  async step({ values, bindings }: StepBatch, cache: KeyValueCache): Promise<Float32Array> {
    const program = await this.#programs.step();
    const rows = values['tokens']!.length;
    const logprobs = new Float32Array(rows * this.#config.text.vocabSize);
    await program.run(
      { ...this.#parts.weights.views, ...cache.promptValues, ...cache.cachedValues, ...values },
      { logprobs, ...cache.newValues },
      bindings,
    );
    return logprobs;
  }

  async score(batch: UpdateBatch, weights: Weights): Promise<Float32Array> {
    const views = weights === 'policy' ? this.#parts.weights.views : await this.#referenceViews();
    const { values, bindings, images } = this.#packed(batch);
    const program = await this.#programs.score(images);
    const logprobs = new Float32Array(bindings['M']!);
    await program.run({ ...views, ...values }, { logprobs }, bindings);
    return logprobs;
  }

  async accumulate(
    batch: UpdateBatch,
    loss: TargetLoss,
    { views: gradient }: ParameterBuffer,
    signal: Cancellation,
  ): Promise<void> {
    const { values: data, bindings, images } = this.#packed(batch);
    const { forward, backward, trained } = await this.#programs.update(images, loss.movesEntropies);
    const values = { ...this.#parts.weights.views, ...data };
    const results: Record<string, Float32Array> = {};
    for (const [name, size] of forward.resultSizes(bindings)) {
      results[name] = this.#pool.take(size);
    }
    await forward.run(values, results, bindings);
    signal.throwIfAborted();
    const { logprobs: logprobGradient, entropies: entropyGradient } = await loss.gradients({
      logprobs: results['logprobs']!,
      entropies: results['entropies']!,
    });
    const accumulated: Record<string, Float32Array> = {};
    const updated: Record<string, Float32Array> = {};
    for (const name of trained) {
      accumulated[`accumulated:${name}`] = gradient[name]!;
      updated[`gradient:${name}`] = gradient[name]!;
    }
    await backward.run(
      {
        ...values,
        ...results,
        ...accumulated,
        logprobGradient,
        ...(entropyGradient ? { entropyGradient } : {}),
      },
      updated,
      bindings,
    );
    for (const buffer of Object.values(results)) this.#pool.give(buffer);
  }

  async exportModel(folder: string): Promise<void> {
    const { files, weights, names = sameNames } = this.#parts;
    for (const [name, values] of Object.entries(weights.trained.views)) {
      requireFinite(values, `the trained model: ${name}`);
    }
    const named = [weights.frozen, weights.trained].map((buffer) => namedInFile(buffer, names));
    return writeModel(folder, this.#config, files, named);
  }

  close(): Promise<void> {
    return this.#programs.dispose();
  }

  #packed(batch: UpdateBatch) {
    return packBatch(batch, this.#withImages({ ...batch, prompts: ownImages(batch.prompts) }));
  }

  #withImages({ values, bindings, prompts, tokens }: PrefillBatch | UpdateBatch): BatchWithImages {
    const vision = visionInputs(prompts, bindings['S']!, tokens, this.#config);
    return {
      values: { ...values, ...vision?.values },
      bindings: { ...bindings, ...vision?.bindings },
      images: vision !== undefined,
    };
  }

  /** What is frozen is the reference's too; what is trained is read again as it was. */
  async #referenceViews(): Promise<Values> {
    this.#reference ??= (async () => {
      const buffer = createParameterBuffer(this.trained.specs);
      await readParameters(buffer, this.#parts.directory);
      return buffer;
    })();
    return { ...this.#parts.weights.frozen.views, ...(await this.#reference).views };
  }
}
