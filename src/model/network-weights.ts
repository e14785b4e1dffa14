/** How the graph of a network gets at its parameters: fed as they are, kept in fewer bits, or adapted. */
import { defined } from '../core/errors.ts';
import type { Node } from '../tensor/node.ts';
import { input, linear } from '../tensor/ops.ts';
import type { ModelConfig } from './config.ts';
import { parameterSpecs } from './parameters.ts';

export type NetworkWeights = {
  /** A norm's gain, a bias, a table; the same node for the same name. */
  readonly parameter: (name: string) => Node;
  /** x [N, in] through the linear layer `name`, with its bias where it has one. */
  readonly linear: (x: Node, name: string) => Node;
};

/** An input node for each parameter, by name. */
export function parameterNodes(config: ModelConfig): ReadonlyMap<string, Node> {
  return new Map(parameterSpecs(config).map(({ name, shape }) => [name, input(name, shape)]));
}

/** Every parameter in float32, fed under its name. */
export function plainWeights(nodes: ReadonlyMap<string, Node>): NetworkWeights {
  const parameter = (name: string) => defined(nodes.get(name), name);
  return {
    parameter,
    linear: (x, name) => linear(x, parameter(`${name}.weight`), nodes.get(`${name}.bias`)),
  };
}
