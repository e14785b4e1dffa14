/** The graphs of the local engine, compiled when first needed. Each exists with and without a vision tower. */
import { defined } from '../../../core/errors.ts';
import type { ModelConfig } from '../../../model/config.ts';
import {
  type Attend,
  groupAttention,
  promptAttention,
  stepAttention,
} from '../../../model/decoder/attention.ts';
import { decoderGraph, vocabularyLogits } from '../../../model/decoder/decoder-graph.ts';
import {
  type NetworkWeights,
  parameterNodes,
  plainWeights,
} from '../../../model/network-weights.ts';
import { visionGraph } from '../../../model/vision/vision-graph.ts';
import { dimMultiply } from '../../../tensor/dim.ts';
import { type Seeded, splitForwardBackward } from '../../../tensor/gradient.ts';
import { type Node, topologicalOrder } from '../../../tensor/node.ts';
import * as ops from '../../../tensor/ops.ts';
import { type Compile, Program } from '../../../tensor/program.ts';
import { entropiesOf } from '../entropies.ts';
import { packedRows } from './packed-batch.ts';

export type UpdatePrograms = {
  /** → `logprobs` and `entropies` [M], and residuals. */
  readonly forward: Program;
  /**
   * Residuals, `logprobGradient` and, where the loss moves entropies, `entropyGradient` [M] →
   * `gradient:<parameter>`, added to `accumulated:<parameter>`.
   */
  readonly backward: Program;
  /** Trained parameters that these graphs use. */
  readonly trained: readonly string[];
};

export class Programs {
  readonly #config: ModelConfig;
  readonly #trained: ReadonlySet<string>;
  readonly #parameters: ReadonlyMap<string, Node>;
  readonly #weights: NetworkWeights;
  readonly #compile: Compile;
  readonly #compiled = new Map<string, Promise<unknown>>();

  /** @param trained names of the parameters that have a gradient */
  constructor(config: ModelConfig, trained: readonly string[], compile: Compile) {
    this.#compile = compile;
    this.#config = config;
    this.#trained = new Set(trained);
    this.#parameters = parameterNodes(config);
    this.#weights = plainWeights(this.#parameters);
  }

  /** Logprobs of completions [M]. */
  score(images: boolean): Promise<Program> {
    return this.#once(`score ${images}`, () =>
      this.#compile({ logprobs: this.#targets(images).logprobs }),
    );
  }

  update(images: boolean, movesEntropies: boolean): Promise<UpdatePrograms> {
    return this.#once(`update ${images} ${movesEntropies}`, async () => {
      const { logprobs, entropies, stream } = this.#targets(images);
      const used = new Set(topologicalOrder([logprobs]));
      const variables = [...this.#parameters].filter(
        ([name, node]) => used.has(node) && this.#trained.has(name),
      );
      const seeded = [seededBy(logprobs, 'logprobGradient')];
      if (movesEntropies) seeded.push(seededBy(entropies, 'entropyGradient'));
      const split = splitForwardBackward(
        seeded,
        variables.map(([, node]) => node),
        new Set(stream),
      );
      const residuals = Object.fromEntries(
        [...split.residuals].map(([node, name]) => [name, node]),
      );
      const gradients = Object.fromEntries(
        variables.map(([name, node], i) => [
          `gradient:${name}`,
          ops.add(ops.input(`accumulated:${name}`, node.shape), split.gradients[i]!),
        ]),
      );
      return {
        forward: await this.#compile({ logprobs, entropies, ...residuals }),
        backward: await this.#compile(gradients, split.residuals),
        trained: variables.map(([name]) => name),
      };
    });
  }

  /** Prompts → `logprobs` [M, V] of their next token, `promptKey<i>` and `promptValue<i>` [P, K, S, d]. */
  prefill(images: boolean): Promise<Program> {
    return this.#once(`prefill ${images}`, () => {
      const { text } = this.#config;
      const results: Record<string, Node> = {};
      const attend = promptAttention(text, (layer, key, value) => {
        results[`promptKey${layer}`] = key;
        results[`promptValue${layer}`] = value;
      });
      const { hidden } = this.#decoder(dimMultiply('P', 'S'), images, attend);
      const predictors = ops.gatherRows(hidden, ops.input('predictors', ['M'], 'int32'));
      const logits = vocabularyLogits(predictors, text, this.#weights);
      return this.#compile({ logprobs: ops.logSoftmax(logits), ...results });
    });
  }

  /** One token per row → `logprobs` [P·R, V], `newKey<i>` and `newValue<i>` [P·R, K, d]. */
  step(): Promise<Program> {
    return this.#once('step', () => {
      const { text } = this.#config;
      const results: Record<string, Node> = {};
      const attend = stepAttention(text, (layer, key, value) => {
        results[`newKey${layer}`] = key;
        results[`newValue${layer}`] = value;
      });
      const { hidden } = this.#decoder(dimMultiply('P', 'R'), false, attend);
      const logits = vocabularyLogits(hidden, text, this.#weights);
      return this.#compile({ logprobs: ops.logSoftmax(logits), ...results });
    });
  }

  async dispose(): Promise<void> {
    for (const compiled of await Promise.all(this.#compiled.values())) {
      const programs = compiled instanceof Program ? [compiled] : Object.values(compiled as object);
      for (const program of programs) if (program instanceof Program) await program.dispose();
    }
    this.#compiled.clear();
  }

  #decoder(
    tokens: string | number,
    images: boolean,
    attend: Attend,
    place?: (features: Node) => Node,
  ) {
    const { text, vision } = this.#config;
    const tower = images ? visionGraph(defined(vision, 'vision'), this.#weights) : undefined;
    const decoder = decoderGraph(text, tokens, this.#weights, attend, tower, place);
    return { hidden: decoder.hidden, stream: [...decoder.stream, ...(tower?.stream ?? [])] };
  }

  #targets(images: boolean) {
    const { text } = this.#config;
    const packing = packedRows();
    const { hidden, stream } = this.#decoder(
      'N',
      images,
      packing.attend(groupAttention(text)),
      packing.placeFeatures,
    );
    const predictors = ops.gatherRows(hidden, ops.input('predictors', ['M'], 'int32'));
    const logits = vocabularyLogits(predictors, text, this.#weights);
    const logprobs = ops.tokenLogprobs(logits, ops.input('targets', ['M'], 'int32'));
    return { logprobs, entropies: entropiesOf(logits), stream };
  }

  #once<T>(key: string, compile: () => Promise<T>): Promise<T> {
    let compiled = this.#compiled.get(key) as Promise<T> | undefined;
    if (compiled === undefined) {
      compiled = compile();
      this.#compiled.set(key, compiled);
    }
    return compiled;
  }
}

function seededBy(output: Node, name: string): Seeded {
  return { output, seed: ops.input(name, output.shape) };
}
