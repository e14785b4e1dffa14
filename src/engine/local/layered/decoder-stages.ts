/** The stages of a decoder over one base. */

import type { Bindings } from '../../../tensor/dim.ts';
import type { Compile, Values } from '../../../tensor/program.ts';
import type { Adapter, Factors } from '../weights/adapter.ts';
import type { Base } from '../weights/base.ts';
import { type Drawing, maskFeeds } from '../weights/dropout.ts';
import type { ParameterBuffer } from '../weights/parameter-buffer.ts';
import { deepstackLevels, namingOfStage, Stage } from './stage.ts';

/** A stage at its place. */
type PlacedStage = {
  readonly results: readonly string[];
  sizes(bindings: Bindings): Promise<ReadonlyMap<string, number>>;
  /** Its parameters, under the names that it knows them by. */
  feeds(factors: Factors): Values;
  /** Its masks, and bindings with their sizes. */
  masks(
    drawing: Drawing | undefined,
    bindings: Bindings,
    take: (name: string, length: number) => Float32Array,
  ): ReturnType<typeof maskFeeds>;
  forward: Stage['forward'];
  /** As of {@link Stage}; adds to the gradients of the adapter's parameters. */
  backward(
    values: Values,
    results: Readonly<Record<string, Float32Array>>,
    gradient: ParameterBuffer,
    bindings: Bindings,
  ): Promise<void>;
};

export class DecoderStages {
  readonly count: number;
  /** The first stage with something to train; `count` where there is none. */
  readonly lowestAdapted: number;
  readonly #base: Base;
  readonly #stages: readonly Stage[];

  constructor(base: Base, adapter: Adapter | undefined, compile: Compile) {
    const { text, vision } = base.config;
    const shared = new Map<string, Stage>();
    this.#stages = Array.from({ length: text.layers + 1 }, (_, index) => {
      const stage = new Stage(index, base, adapter, compile);
      if (!base.isFed) return stage;
      const hasFeatures = index > 0 && index <= deepstackLevels(vision);
      const key = [index === 0, index === text.layers, hasFeatures, ...stage.adapted].join();
      const known = shared.get(key);
      if (known === undefined) shared.set(key, stage);
      return known ?? stage;
    });
    this.count = this.#stages.length;
    const lowest = this.#stages.findIndex(({ adapted }) => adapted.length > 0);
    this.lowestAdapted = lowest < 0 ? this.count : lowest;
    this.#base = base;
  }

  at(index: number): PlacedStage {
    const stage = this.#stages[index]!;
    const naming = namingOfStage(index, this.#base.config.text);
    return {
      results: stage.results,
      sizes: (bindings) => stage.sizes(bindings),
      feeds: (factors) => stage.feeds(this.#base, factors, naming),
      masks: (drawing, bindings, take) =>
        maskFeeds(stage.masks, drawing, bindings, naming.parameter, take),
      forward: (inputs, values, results, bindings) =>
        stage.forward(inputs, values, results, bindings),
      backward: (values, results, gradient, bindings) =>
        stage.backward(values, results, gradient, naming, bindings),
    };
  }

  async dispose(): Promise<void> {
    await Promise.all([...new Set(this.#stages)].map((stage) => stage.dispose()));
  }
}
