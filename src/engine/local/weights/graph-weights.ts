/** The parameters of one graph over a frozen base and, where there is one, an adapter; and what they are fed. */
import { defined } from '../../../core/errors.ts';
import type { NetworkWeights } from '../../../model/network-weights.ts';
import type { Dim } from '../../../tensor/dim.ts';
import type { Node } from '../../../tensor/node.ts';
import * as ops from '../../../tensor/ops.ts';
import type { Values } from '../../../tensor/program.ts';
import { type Adapter, adapterTerm, type Factors, factorNames } from './adapter.ts';
import type { Base, DeclareInput } from './base.ts';
import { type Masks, masked } from './dropout.ts';
import type { ParameterBuffer } from './parameter-buffer.ts';

export type GraphWeights = {
  readonly weights: NetworkWeights;
  /** Declared inputs of the base and of the adapter, by the name that is fed. */
  readonly fed: ReadonlyMap<string, Node>;
  readonly adapted: ReadonlyMap<string, Node>;
  /** Of the adapted layers; none without dropout. */
  readonly masks: Masks;
};

/** Graphs of several layers are one where their parameters have the same names: those of their places. */
export type Naming = {
  readonly inGraph: (parameter: string) => string;
  readonly parameter: (inGraph: string) => string;
};

const plainNames: Naming = { inGraph: (name) => name, parameter: (name) => name };

/** What the adapter's factors are multiplied by, 0 for the base alone. */
const adapterScale = 'adapterScale';

export function graphWeights(
  base: Base,
  adapter: Adapter | undefined,
  { inGraph }: Naming = plainNames,
): GraphWeights {
  const fed = new Map<string, Node>();
  const adapted = new Map<string, Node>();
  const masks = new Map<string, { rows: Dim; columns: Dim }>();
  const adaptedLayers = new Set(adapter?.layers);
  const shapes = new Map(adapter?.parameters.specs.map(({ name, shape }) => [name, shape]));
  const scale = ops.input(adapterScale, [1]);
  const input: DeclareInput = (name, dataType = 'float32') =>
    declare(fed, inGraph(name), () =>
      ops.input(inGraph(name), defined(base.shapeOf(name), name), dataType),
    );
  const factor = (name: string) =>
    declare(adapted, inGraph(name), () =>
      ops.input(inGraph(name), defined(shapes.get(name), name)),
    );
  const mask = (x: Node, layer: string) => {
    const [rows, columns] = x.shape as readonly [Dim, Dim];
    masks.set(layer, { rows, columns });
    return masked(x, layer);
  };
  const linear = (x: Node, layer: string): Node => {
    const bias = `${layer}.bias`;
    const product = base.product(x, layer, input);
    const y = base.shapeOf(bias) === undefined ? product : ops.add(product, input(bias));
    if (!adaptedLayers.has(layer)) return y;
    const { down, up } = factorNames(layer);
    const given = adapter?.dropout === undefined ? x : mask(x, inGraph(layer));
    return ops.add(y, adapterTerm(given, factor(down), factor(up), scale));
  };
  return { weights: { parameter: (name) => input(name), linear }, fed, adapted, masks };
}

function declare(known: Map<string, Node>, name: string, make: () => Node): Node {
  const found = known.get(name) ?? make();
  known.set(name, found);
  return found;
}

export function parameterFeeds(
  { fed, adapted }: Pick<GraphWeights, 'fed' | 'adapted'>,
  base: Base,
  { views, scale }: Factors,
  { parameter }: Naming = plainNames,
): Values {
  const feeds: Record<string, Values[string]> = { [adapterScale]: Float32Array.of(scale) };
  for (const name of fed.keys()) feeds[name] = base.value(parameter(name));
  for (const name of adapted.keys()) {
    feeds[name] = defined(views[parameter(name)], name);
  }
  return feeds;
}

/** `gradient:<name>` of each variable; that of an adapter's parameter is added to `accumulated:<name>`. */
export function gradientResults(
  variables: readonly (readonly [name: string, node: Node])[],
  gradients: readonly Node[],
  { adapted }: Pick<GraphWeights, 'adapted'>,
): Record<string, Node> {
  const results = variables.map(([name, { shape }], i): [string, Node] => {
    const gradient = defined(gradients[i], name);
    const isAdded = adapted.has(name);
    const sum = isAdded ? ops.add(ops.input(`accumulated:${name}`, shape), gradient) : gradient;
    return [`gradient:${name}`, sum];
  });
  return Object.fromEntries(results);
}

/** What goes in and out for the adapter's part of {@link gradientResults}: the same buffers, in place. */
export function accumulation(
  { adapted }: Pick<GraphWeights, 'adapted'>,
  { views }: ParameterBuffer,
  { parameter }: Naming = plainNames,
): { readonly inputs: Values; readonly results: Record<string, Float32Array> } {
  const inputs: Record<string, Float32Array> = {};
  const results: Record<string, Float32Array> = {};
  for (const name of adapted.keys()) {
    const buffer = defined(views[parameter(name)], name);
    inputs[`accumulated:${name}`] = buffer;
    results[`gradient:${name}`] = buffer;
  }
  return { inputs, results };
}
