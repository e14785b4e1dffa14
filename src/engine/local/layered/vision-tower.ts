/**
 * Images as rows that the decoder takes, image by image. While nothing in the tower is adapted, what an
 * image gives is kept by the digest of its pixels: it does not change while the decoder is trained.
 */
import { digestOfBytes } from '../../../core/digest.ts';
import type { VisionConfig } from '../../../model/geometry.ts';
import type { ImagePatches } from '../../../model/prompt.ts';
import { visionGraph } from '../../../model/vision/vision-graph.ts';
import { type Seeded, splitForwardBackward } from '../../../tensor/gradient.ts';
import type { Node } from '../../../tensor/node.ts';
import * as ops from '../../../tensor/ops.ts';
import type { Compile, Program, Values } from '../../../tensor/program.ts';
import { imageInputs } from '../vision-batch.ts';
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

/** Rows [U, D] that stand for an image's tokens, and those added after decoder layer 0, 1, … */
export type ImageFeatures = readonly Float32Array[];

/** Bytes of features kept for images that come again. */
const keptBytes = 256 << 20;

export class VisionTower {
  readonly config: VisionConfig;
  readonly isTrained: boolean;
  readonly #base: Base;
  readonly #compile: Compile;
  readonly #levels: readonly string[];
  readonly #graph;
  readonly #kept = new Map<string, ImageFeatures>();
  #keptBytes = 0;
  #forward: Promise<Program> | undefined;
  #backward: Promise<Program> | undefined;

  constructor(config: VisionConfig, base: Base, adapter: Adapter | undefined, compile: Compile) {
    this.#compile = compile;
    const weights = graphWeights(base, adapter);
    const { embeddings, deepstack, stream } = visionGraph(config, weights.weights);
    const levels = [embeddings, ...deepstack];
    this.#levels = levels.map((_, level) => `level${level}`);
    const results = Object.fromEntries(levels.map((node, level) => [`level${level}`, node]));
    const variables = [...weights.adapted];
    const { residuals, gradients } = splitForwardBackward(
      levels.map((output, level): Seeded => {
        return { output, seed: ops.input(`seed:level${level}`, output.shape) };
      }),
      variables.map(([, node]) => node),
      new Set(stream),
    );
    this.config = config;
    this.#base = base;
    this.#graph = { weights, results, variables, residuals, gradients };
    this.isTrained = variables.length > 0;
  }

  async features(image: ImagePatches, factors: Factors, drawing?: Drawing): Promise<ImageFeatures> {
    if (this.isTrained) return this.#compute(image, factors, drawing);
    const { buffer, byteOffset, byteLength } = image.patches;
    const { h, w } = image.grid;
    const key = `${h}x${w} ${digestOfBytes(new Uint8Array(buffer, byteOffset, byteLength))}`;
    const known = this.#kept.get(key);
    if (known !== undefined) {
      // The least recently used one is the first to go.
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known;
    }
    const features = await this.#compute(image, factors);
    this.#keep(key, features);
    return features;
  }

  /** Runs the image again and adds to `gradient`, given dLoss of its features. */
  async backward(
    image: ImagePatches,
    seeds: ImageFeatures,
    factors: Factors,
    gradient: ParameterBuffer,
    drawing: Drawing | undefined,
  ): Promise<void> {
    const { weights, results, variables, residuals, gradients } = this.#graph;
    const { values, bindings } = this.#inputs(image, drawing);
    const forward = await this.#program();
    const handed: Record<string, Float32Array> = {};
    for (const [name, size] of forward.resultSizes(bindings)) {
      handed[name] = new Float32Array(size);
    }
    const feeds = { ...this.#feeds(factors), ...values };
    await forward.run(feeds, handed, bindings);
    this.#backward ??= this.#compile(
      gradientResults(variables, gradients, weights),
      namesOf(results, residuals),
    );
    const seeded = Object.fromEntries(seeds.map((seed, level) => [`seed:level${level}`, seed]));
    const added = accumulation(weights, gradient);
    const program = await this.#backward;
    await program.run({ ...feeds, ...handed, ...seeded, ...added.inputs }, added.results, bindings);
  }

  async dispose(): Promise<void> {
    await (await this.#forward)?.dispose();
    await (await this.#backward)?.dispose();
  }

  async #compute(image: ImagePatches, factors: Factors, drawing?: Drawing): Promise<ImageFeatures> {
    const { values, bindings } = this.#inputs(image, drawing);
    const program = await this.#program();
    const sizes = program.resultSizes(bindings);
    const results = Object.fromEntries(
      this.#levels.map((level) => [level, new Float32Array(sizes.get(level)!)]),
    );
    await program.run({ ...this.#feeds(factors), ...values }, results, bindings);
    return this.#levels.map((level) => results[level]!);
  }

  #inputs(image: ImagePatches, drawing: Drawing | undefined) {
    const { values, bindings } = imageInputs([image], this.config);
    const masks = maskFeeds(this.#graph.weights.masks, drawing, bindings, (layer) => layer);
    return { values: { ...values, ...masks.values }, bindings: masks.bindings };
  }

  #program(): Promise<Program> {
    const { results, residuals } = this.#graph;
    const handed = [...namesOf(results, residuals)].map(([node, name]) => [name, node] as const);
    this.#forward ??= this.#compile({ ...results, ...Object.fromEntries(handed) });
    return this.#forward;
  }

  #feeds(factors: Factors): Values {
    return parameterFeeds(this.#graph.weights, this.#base, factors);
  }

  #keep(key: string, features: ImageFeatures): void {
    this.#kept.set(key, features);
    this.#keptBytes += bytesOf(features);
    for (const [oldest, old] of this.#kept) {
      if (this.#keptBytes <= keptBytes || oldest === key) return;
      this.#kept.delete(oldest);
      this.#keptBytes -= bytesOf(old);
    }
  }
}

/** A value that is a result as well has the result's name. */
function namesOf(
  results: Readonly<Record<string, Node>>,
  residuals: ReadonlyMap<Node, string>,
): ReadonlyMap<Node, string> {
  const resultNames = new Map(Object.entries(results).map(([name, node]) => [node, name]));
  return new Map([...residuals].map(([node, name]) => [node, resultNames.get(node) ?? name]));
}

function bytesOf(features: ImageFeatures): number {
  return features.reduce((total, { byteLength }) => total + byteLength, 0);
}
