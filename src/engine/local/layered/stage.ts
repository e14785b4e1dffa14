/**
 * The decoder between two attentions, as programs: a stage takes the residual stream and what an attention
 * has mixed, finishes that layer, and makes what the next attention works on. Stage 0 begins with the
 * embeddings, stage L ends with the last norm. Attention itself has no weights and is elsewhere.
 *
 * The backward pass of a stage gets what its forward pass hands over, so that each frozen matrix is in one
 * program for each of its two orientations. Whoever does not want to keep that runs the forward pass again.
 */
import {
  afterAttention,
  attentionInputs,
  finalNorm,
  placeholderRows,
  rotationInputs,
} from '../../../model/decoder/decoder-graph.ts';
import type { TextConfig, VisionConfig } from '../../../model/geometry.ts';
import { layerName } from '../../../model/parameter-names.ts';
import type { Bindings } from '../../../tensor/dim.ts';
import { type Seeded, splitForwardBackward } from '../../../tensor/gradient.ts';
import type { Node } from '../../../tensor/node.ts';
import * as ops from '../../../tensor/ops.ts';
import type { Compile, Program, Values } from '../../../tensor/program.ts';
import type { Adapter, Factors } from '../weights/adapter.ts';
import type { Base } from '../weights/base.ts';
import type { Masks } from '../weights/dropout.ts';
import {
  accumulation,
  type GraphWeights,
  gradientResults,
  graphWeights,
  type Naming,
  parameterFeeds,
} from '../weights/graph-weights.ts';
import type { ParameterBuffer } from '../weights/parameter-buffer.ts';

export type StageInputs = { readonly x: Float32Array; readonly mixed?: Float32Array };

type StageGraph = {
  /** `next` (but of stage 0), `query`, `key`, `value`; of the last stage `hidden` alone. */
  readonly results: Readonly<Record<string, Node>>;
  /** What gradients come back for: the results, and of stage 0 the residual stream that it leaves as it is. */
  readonly seeded: Readonly<Record<string, Node>>;
  /** `x`, `mixed` and `features`, as far as there are any. */
  readonly variables: Readonly<Record<string, Node>>;
  /** Values that are handed to the backward pass although they are cheap. */
  readonly keep: readonly Node[];
  readonly weights: GraphWeights;
};

/** Parameters of the layer that a stage ends are `before.`, those of the layer that it begins are `after.` */
export function namingOfStage(index: number, text: TextConfig): Naming {
  const [before, after] = [`${layerName(text, index - 1)}.`, `${layerName(text, index)}.`];
  return {
    inGraph: (name) => name.replace(before, 'before.').replace(after, 'after.'),
    parameter: (name) => name.replace(/^before\./, before).replace(/^after\./, after),
  };
}

/** The programs of a stage; where matrices are fed, of all stages that look alike. */
export class Stage {
  readonly results: readonly string[];
  readonly adapted: readonly string[];
  readonly masks: Masks;
  readonly #compile: Compile;
  readonly #graph: StageGraph;
  /** Values that the backward pass is fed under these names. */
  readonly #given: ReadonlyMap<Node, string>;
  /** `gradient:<name>` of inputs and of the adapter's parameters. */
  readonly #gradients: Readonly<Record<string, Node>>;
  readonly #keepsMemory: boolean;
  #forward: Promise<Program> | undefined;
  #backward: Promise<Program> | undefined;

  /** @param index 0 … layers */
  constructor(index: number, base: Base, adapter: Adapter | undefined, compile: Compile) {
    this.#compile = compile;
    const weights = graphWeights(base, adapter, namingOfStage(index, base.config.text));
    const graph = stageGraph(index, weights, base);
    const results = Object.entries(graph.results);
    const variables = [...Object.entries(graph.variables), ...weights.adapted];
    const { residuals, gradients } = splitForwardBackward(
      Object.entries(graph.seeded).map(([name, output]): Seeded => {
        return { output, seed: ops.input(`seed:${name}`, output.shape) };
      }),
      variables.map(([, node]) => node),
      new Set([...graph.keep, ...results.map(([, node]) => node)]),
    );
    const names = new Map(results.map(([name, node]) => [node, name]));
    this.#graph = graph;
    this.#given = new Map([...residuals].map(([node, name]) => [node, names.get(node) ?? name]));
    this.#gradients = gradientResults(variables, gradients, weights);
    // Matrices of its own make each stage a program of its own: none may keep memory between its runs.
    this.#keepsMemory = base.isFed;
    this.results = results.map(([name]) => name);
    this.adapted = [...weights.adapted.keys()];
    this.masks = weights.masks;
  }

  /** Elements of each result, and of what is handed to the backward pass beside them. */
  async sizes(bindings: Bindings): Promise<ReadonlyMap<string, number>> {
    return (await this.#forwardProgram()).resultSizes(bindings);
  }

  /** @param results buffers for those that are wanted */
  async forward(
    inputs: StageInputs,
    values: Values,
    results: Readonly<Record<string, Float32Array>>,
    bindings: Bindings,
  ): Promise<void> {
    const program = await this.#forwardProgram();
    await program.run({ ...values, ...inputs }, results, bindings);
  }

  /**
   * @param values inputs, results, what the forward pass has handed over, and `seed:<result>`
   * @param results buffers for the gradients of the stage's inputs
   * @param gradient of the adapter; that of this stage is added
   * @param naming of the place at which the stage is
   */
  async backward(
    values: Values,
    results: Readonly<Record<string, Float32Array>>,
    gradient: ParameterBuffer,
    naming: Naming,
    bindings: Bindings,
  ): Promise<void> {
    this.#backward ??= this.#compile(this.#gradients, this.#given, {
      keepsMemory: this.#keepsMemory,
    });
    const added = accumulation(this.#graph.weights, gradient, naming);
    const gradients = { ...added.results };
    for (const [name, buffer] of Object.entries(results)) gradients[`gradient:${name}`] = buffer;
    const program = await this.#backward;
    await program.run({ ...values, ...added.inputs }, gradients, bindings);
  }

  feeds(base: Base, factors: Factors, naming: Naming): Values {
    return parameterFeeds(this.#graph.weights, base, factors, naming);
  }

  async dispose(): Promise<void> {
    await (await this.#forward)?.dispose();
    await (await this.#backward)?.dispose();
  }

  #forwardProgram(): Promise<Program> {
    const { results } = this.#graph;
    const names = new Set(Object.values(results));
    const handed = [...this.#given].filter(([node]) => !names.has(node));
    this.#forward ??= this.#compile(
      { ...results, ...Object.fromEntries(handed.map(([node, name]) => [name, node])) },
      undefined,
      { keepsMemory: this.#keepsMemory },
    );
    return this.#forward;
  }
}

/** Decoder layers after which image features are added. */
export function deepstackLevels(vision: VisionConfig | undefined): number {
  return vision?.deepstackLayers.length ?? 0;
}

function stageGraph(index: number, weights: GraphWeights, { config }: Base): StageGraph {
  const { text, vision } = config;
  const tokens = 'N';
  const x = ops.input('x', [tokens, text.hiddenSize]);
  const variables: Record<string, Node> = { x };
  const keep: Node[] = [];
  let next = x;
  if (index > 0) {
    const mixed = ops.input('mixed', [tokens, text.heads * text.headDim]);
    variables['mixed'] = mixed;
    const { attended, result } = afterAttention(x, mixed, index - 1, text, weights.weights);
    keep.push(attended);
    next = result;
  }
  if (index > 0 && index <= deepstackLevels(vision)) {
    const features = ops.input('features', ['F', text.hiddenSize]);
    variables['features'] = features;
    next = ops.add(next, placeholderRows(text, tokens)(features));
  }
  const results: Record<string, Node> = index > 0 ? { next } : {};
  if (index < text.layers) {
    const rotation = rotationInputs(text, tokens);
    Object.assign(results, attentionInputs(next, index, text, weights.weights, rotation));
  } else {
    keep.push(next);
    delete results['next'];
    results['hidden'] = finalNorm(next, text, weights.weights);
  }
  return { results, seeded: index > 0 ? results : { next, ...results }, variables, keep, weights };
}
