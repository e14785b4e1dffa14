/**
 * From the last hidden states to logprobs over the vocabulary, a few rows at a time: scores of a whole batch
 * over 150,000 tokens would be larger than the model.
 */
import { headName } from '../../../model/parameter-names.ts';
import { gradientsOf } from '../../../tensor/gradient.ts';
import * as ops from '../../../tensor/ops.ts';
import type { Compile, Program, Values } from '../../../tensor/program.ts';
import type { Cancellation } from '../network.ts';
import type { Adapter, Factors } from '../weights/adapter.ts';
import type { Base } from '../weights/base.ts';
import { type Drawing, maskFeeds } from '../weights/dropout.ts';
import {
  accumulation,
  gradientResults,
  graphWeights,
  parameterFeeds,
} from '../weights/graph-weights.ts';
import type { ParameterBuffer } from '../weights/parameter-buffer.ts';

/** Bytes of logprobs that exist at once. */
const chunkBytes = 64 << 20;

export class Head {
  readonly #base: Base;
  readonly #compile: Compile;
  readonly #graph;
  readonly #chunk: number;
  #forward: Promise<Program> | undefined;
  #backward: Promise<Program> | undefined;

  constructor(base: Base, adapter: Adapter | undefined, compile: Compile) {
    this.#compile = compile;
    const { text } = base.config;
    const { weights, fed, adapted, masks } = graphWeights(base, adapter);
    const hidden = ops.input('hidden', ['M', text.hiddenSize]);
    const logits = weights.linear(hidden, headName(text));
    this.#base = base;
    this.#graph = { hidden, logits, fed, adapted, masks };
    this.#chunk = Math.max(1, Math.floor(chunkBytes / (4 * text.vocabSize)));
  }

  /** [M, D] → [M, V] */
  async distribution(hidden: Float32Array, factors: Factors): Promise<Float32Array> {
    const { text } = this.#base.config;
    const rows = hidden.length / text.hiddenSize;
    const logprobs = new Float32Array(rows * text.vocabSize);
    await this.#run(hidden, logprobs, factors, this.#masks(rows, 0, undefined));
    return logprobs;
  }

  /** [M, D] → logprobs of the targets [M] */
  async score(
    hidden: Float32Array,
    targets: Int32Array,
    factors: Factors,
    drawing: Drawing | undefined,
    signal: Cancellation,
  ): Promise<Float32Array> {
    const scored = new Float32Array(targets.length);
    const { vocabSize } = this.#base.config.text;
    for await (const { start, rows, logprobs } of this.#chunks(hidden, factors, drawing, signal)) {
      for (let row = 0; row < rows; row++) {
        scored[start + row] = logprobs[row * vocabSize + targets[start + row]!]!;
      }
    }
    return scored;
  }

  /**
   * @param outputGradient dLoss/dLogprob of the targets [M]
   * @returns dLoss/dHidden [M, D]; the adapter's gradients are added to `gradient`
   */
  async backward(
    hidden: Float32Array,
    targets: Int32Array,
    outputGradient: Float32Array,
    factors: Factors,
    drawing: Drawing | undefined,
    gradient: ParameterBuffer,
    signal: Cancellation,
  ): Promise<Float32Array> {
    const width = this.#base.config.text.hiddenSize;
    const result = new Float32Array(hidden.length);
    this.#backward ??= this.#compileBackward();
    const program = await this.#backward;
    const added = accumulation(this.#graph, gradient);
    for await (const { start, rows, logprobs, masks } of this.#chunks(
      hidden,
      factors,
      drawing,
      signal,
    )) {
      await program.run(
        {
          ...this.#feeds(factors),
          ...masks.values,
          ...added.inputs,
          hidden: hidden.subarray(start * width, (start + rows) * width),
          logprobs,
          targets: targets.subarray(start, start + rows),
          outputGradient: outputGradient.subarray(start, start + rows),
        },
        {
          'gradient:hidden': result.subarray(start * width, (start + rows) * width),
          ...added.results,
        },
        masks.bindings,
      );
    }
    return result;
  }

  async dispose(): Promise<void> {
    await (await this.#forward)?.dispose();
    await (await this.#backward)?.dispose();
  }

  async *#chunks(
    hidden: Float32Array,
    factors: Factors,
    drawing: Drawing | undefined,
    signal: Cancellation,
  ) {
    const { hiddenSize, vocabSize } = this.#base.config.text;
    const total = hidden.length / hiddenSize;
    const buffer = new Float32Array(Math.min(total, this.#chunk) * vocabSize);
    for (let start = 0; start < total; start += this.#chunk) {
      signal.throwIfAborted();
      const rows = Math.min(this.#chunk, total - start);
      const logprobs = buffer.subarray(0, rows * vocabSize);
      const part = hidden.subarray(start * hiddenSize, (start + rows) * hiddenSize);
      const masks = this.#masks(rows, start, drawing);
      await this.#run(part, logprobs, factors, masks);
      yield { start, rows, logprobs, masks };
    }
  }

  /** Of `rows` rows from `start`. */
  #masks(rows: number, start: number, drawing: Drawing | undefined) {
    const ofChunk = drawing && { rate: drawing.rate, key: `${drawing.key}/${start}` };
    return maskFeeds(this.#graph.masks, ofChunk, { M: rows }, (layer) => layer);
  }

  async #run(
    hidden: Float32Array,
    logprobs: Float32Array,
    factors: Factors,
    masks: ReturnType<typeof maskFeeds>,
  ): Promise<void> {
    this.#forward ??= this.#compile({ logprobs: ops.logSoftmax(this.#graph.logits) });
    const program = await this.#forward;
    const feeds = { ...this.#feeds(factors), ...masks.values };
    await program.run({ ...feeds, hidden }, { logprobs }, masks.bindings);
  }

  #compileBackward(): Promise<Program> {
    const { hidden, logits, adapted } = this.#graph;
    const logprobs = ops.input('logprobs', logits.shape);
    const outer = ops.input('outputGradient', ['M']);
    const targets = ops.input('targets', ['M'], 'int32');
    // d logprob(target) / d logits = (1 at the target) − probabilities
    const column = ops.reshape(ops.scale(outer, -1), ['M', 1]);
    const seed = ops.addAtTokens(ops.multiply(ops.exp(logprobs), column), outer, targets);
    const variables = [['hidden', hidden] as const, ...adapted];
    const gradients = gradientsOf(
      [{ output: logits, seed }],
      variables.map(([, node]) => node),
    );
    return this.#compile(gradientResults(variables, gradients, this.#graph));
  }

  #feeds(factors: Factors): Values {
    return parameterFeeds(this.#graph, this.#base, factors);
  }
}
