/**
 * From the last hidden states to logprobs over the vocabulary, a few rows at a time: scores of a whole batch
 * over 150,000 tokens would be larger than the model.
 */
import { headName } from '../../../model/parameter-names.ts';
import { gradientsOf } from '../../../tensor/gradient.ts';
import type { Node } from '../../../tensor/node.ts';
import * as ops from '../../../tensor/ops.ts';
import type { Compile, Program, Values } from '../../../tensor/program.ts';
import { entropiesOf } from '../entropies.ts';
import type { Cancellation, TargetFacts, TargetGradients } from '../network.ts';
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

/** `entropies`: the backward pass of a loss that moves them. */
type ProgramKind = 'distribution' | 'score' | 'backward' | 'entropies';

export class Head {
  readonly #base: Base;
  readonly #compile: Compile;
  readonly #graph;
  readonly #chunk: number;
  readonly #programs = new Map<ProgramKind, Promise<Program>>();

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
    await this.#run('distribution', hidden, { logprobs }, factors, this.#masks(rows, 0, undefined));
    return logprobs;
  }

  /** [M, D] → what a loss is told of the targets [M] */
  async score(
    hidden: Float32Array,
    targets: Int32Array,
    factors: Factors,
    drawing: Drawing | undefined,
    signal: Cancellation,
  ): Promise<TargetFacts> {
    const scored = new Float32Array(targets.length);
    const entropies = new Float32Array(targets.length);
    const { vocabSize } = this.#base.config.text;
    for await (const chunk of this.#chunks(hidden, factors, drawing, signal)) {
      const { start, rows, logprobs } = chunk;
      for (let row = 0; row < rows; row++) {
        scored[start + row] = logprobs[row * vocabSize + targets[start + row]!]!;
      }
      entropies.set(chunk.entropies, start);
    }
    return { logprobs: scored, entropies };
  }

  /**
   * @param outer dLoss of what `score` told of the targets
   * @returns dLoss/dHidden [M, D]; the adapter's gradients are added to `gradient`
   */
  async backward(
    hidden: Float32Array,
    targets: Int32Array,
    outer: TargetGradients,
    factors: Factors,
    drawing: Drawing | undefined,
    gradient: ParameterBuffer,
    signal: Cancellation,
  ): Promise<Float32Array> {
    const width = this.#base.config.text.hiddenSize;
    const result = new Float32Array(hidden.length);
    const program = await this.#backwardProgram(outer.entropies !== undefined);
    const added = accumulation(this.#graph, gradient);
    for await (const chunk of this.#chunks(hidden, factors, drawing, signal)) {
      const { start, rows, logprobs, entropies, masks } = chunk;
      const end = start + rows;
      await program.run(
        {
          ...this.#feeds(factors),
          ...masks.values,
          ...added.inputs,
          hidden: hidden.subarray(start * width, end * width),
          logprobs,
          targets: targets.subarray(start, end),
          logprobGradient: outer.logprobs.subarray(start, end),
          ...(outer.entropies
            ? { entropies, entropyGradient: outer.entropies.subarray(start, end) }
            : {}),
        },
        {
          'gradient:hidden': result.subarray(start * width, end * width),
          ...added.results,
        },
        masks.bindings,
      );
    }
    return result;
  }

  async dispose(): Promise<void> {
    for (const program of await Promise.all(this.#programs.values())) await program.dispose();
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
      const entropies = new Float32Array(rows);
      await this.#run('score', part, { logprobs, entropies }, factors, masks);
      yield { start, rows, logprobs, entropies, masks };
    }
  }

  /** Of `rows` rows from `start`. */
  #masks(rows: number, start: number, drawing: Drawing | undefined) {
    const ofChunk = drawing && { rate: drawing.rate, key: `${drawing.key}/${start}` };
    return maskFeeds(this.#graph.masks, ofChunk, { M: rows }, (layer) => layer);
  }

  async #run(
    kind: 'distribution' | 'score',
    hidden: Float32Array,
    results: Readonly<Record<string, Float32Array>>,
    factors: Factors,
    masks: ReturnType<typeof maskFeeds>,
  ): Promise<void> {
    const { logits } = this.#graph;
    const program = await this.#once(kind, () => ({
      logprobs: ops.logSoftmax(logits),
      ...(kind === 'score' ? { entropies: entropiesOf(logits) } : {}),
    }));
    const feeds = { ...this.#feeds(factors), ...masks.values };
    await program.run({ ...feeds, hidden }, results, masks.bindings);
  }

  #backwardProgram(movesEntropies: boolean): Promise<Program> {
    return this.#once(movesEntropies ? 'entropies' : 'backward', () => {
      const { hidden, logits, adapted } = this.#graph;
      const logprobs = ops.input('logprobs', logits.shape);
      const probabilities = ops.exp(logprobs);
      const outer = ops.input('logprobGradient', ['M']);
      const targets = ops.input('targets', ['M'], 'int32');
      // d logprob(target) / d logits = (1 at the target) − probabilities
      const alone = ops.addAtTokens(
        ops.multiply(probabilities, column(ops.scale(outer, -1))),
        outer,
        targets,
      );
      const seed = movesEntropies ? ops.add(alone, entropySeed(logprobs, probabilities)) : alone;
      const variables = [['hidden', hidden] as const, ...adapted];
      const gradients = gradientsOf(
        [{ output: logits, seed }],
        variables.map(([, node]) => node),
      );
      return gradientResults(variables, gradients, this.#graph);
    });
  }

  #once(kind: ProgramKind, results: () => Parameters<Compile>[0]): Promise<Program> {
    const compiled = this.#programs.get(kind) ?? this.#compile(results());
    this.#programs.set(kind, compiled);
    return compiled;
  }

  #feeds(factors: Factors): Values {
    return parameterFeeds(this.#graph, this.#base, factors);
  }
}

/** [M] → [M, 1] */
function column(values: Node): Node {
  return ops.reshape(values, ['M', 1]);
}

/** d entropy / d logits = −probabilities · (logprobs + entropy) */
function entropySeed(logprobs: Node, probabilities: Node): Node {
  const entropies = column(ops.input('entropies', ['M']));
  const outer = column(ops.scale(ops.input('entropyGradient', ['M']), -1));
  return ops.multiply(ops.multiply(probabilities, outer), ops.add(logprobs, entropies));
}
