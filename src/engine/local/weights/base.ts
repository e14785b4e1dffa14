/** The frozen weights under an adapter, and what a graph makes of them. */
import type { ModelConfig } from '../../../model/config.ts';
import type { NetworkWeights } from '../../../model/network-weights.ts';
import type { Node } from '../../../tensor/node.ts';
import type { DataType } from '../../../tensor/op-attributes.ts';
import * as ops from '../../../tensor/ops.ts';
import type { Values } from '../../../tensor/program.ts';
import { type Adapter, adapterTerm, factorNames } from './adapter.ts';

/** `int8`: matrices as 8-bit integers with a scale per row; norms, biases and tables stay float32. */
export const baseFormats = ['f32', 'f16', 'int8'] as const;
export type BaseFormat = (typeof baseFormats)[number];

/** Declares what a program is fed; the same node for the same name. */
export type DeclareInput = (name: string, dataType?: DataType) => Node;

export type Base = {
  readonly config: ModelConfig;
  readonly format: BaseFormat;
  /** Tells the weights themselves: two checkpoints of the same values have the same. */
  readonly digest: string;
  /** Number of elements. */
  readonly parameters: number;
  readonly shapeOf: (name: string) => readonly number[] | undefined;
  /** x [N, in] times the frozen matrix of a layer, named without `.weight`. */
  readonly product: (x: Node, layer: string, input: DeclareInput) => Node;
  /** What an input declared under a parameter's name is fed. */
  readonly value: (name: string) => Values[string];
  /** Whether matrices are fed, so that one program serves every layer. */
  readonly isFed: boolean;
  /** Rows of the token table [tokens, D]. */
  readonly embed: (tokens: Int32Array, into: Float32Array) => Promise<void>;
  readonly close: () => Promise<void>;
};

export type GraphWeights = {
  readonly weights: NetworkWeights;
  /** Declared inputs of the base, by the name that is fed. */
  readonly fed: ReadonlyMap<string, Node>;
  /** Declared inputs of the adapter, by the name that is fed. */
  readonly adapted: ReadonlyMap<string, Node>;
};

/** Of a program with adapters: their common factor, 0 for the base alone. */
export const adapterScale = 'adapterScale';

/**
 * The weights of one graph over a base and, if there is one, an adapter.
 * @param alias the name under which a parameter is fed, so that graphs of several layers may be one
 */
export function graphWeights(
  base: Base,
  adapter: Adapter | undefined,
  alias: (name: string) => string = (name) => name,
): GraphWeights {
  const fed = new Map<string, Node>();
  const adapted = new Map<string, Node>();
  const adaptedLayers = new Set(adapter?.layers);
  const scale = ops.input(adapterScale, [1]);
  const input: DeclareInput = (name, dataType = 'float32') => {
    const known = fed.get(alias(name));
    if (known !== undefined) return known;
    const declared = ops.input(alias(name), base.shapeOf(name)!, dataType);
    fed.set(alias(name), declared);
    return declared;
  };
  const factor = (name: string): Node => {
    const known = adapted.get(alias(name));
    if (known !== undefined) return known;
    const { shape } = adapter!.parameters.specs.find((spec) => spec.name === name)!;
    const declared = ops.input(alias(name), shape);
    adapted.set(alias(name), declared);
    return declared;
  };
  const linear = (x: Node, layer: string): Node => {
    let y = base.product(x, layer, input);
    if (base.shapeOf(`${layer}.bias`) !== undefined) y = ops.add(y, input(`${layer}.bias`));
    if (!adaptedLayers.has(layer)) return y;
    const { down, up } = factorNames(layer);
    return ops.add(y, adapterTerm(x, factor(down), factor(up), scale));
  };
  return { weights: { parameter: (name) => input(name), linear }, fed, adapted };
}
