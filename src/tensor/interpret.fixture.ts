/** Evaluates a graph op by op in float64, by the plain meanings of the op table. Slow and exact: for tests. */
import type { NdArray } from './array.ts';
import { type Bindings, shapeValue } from './dim.ts';
import { type Node, topologicalOrder } from './node.ts';
import type { OpKind } from './op-attributes.ts';
import type { OpRule } from './op-rule.ts';
import { opTable } from './op-table.ts';

/** @param inputs values of the graph's input nodes by name. */
export function interpret(
  outputs: readonly Node[],
  inputs: Readonly<Record<string, ArrayLike<number>>>,
  bindings: Bindings,
): NdArray[] {
  const values = new Map<Node, NdArray>();
  for (const node of topologicalOrder(outputs)) {
    const shape = shapeValue(node.shape, bindings);
    if (node.kind === 'input') {
      const data = inputs[node.attributes.name];
      if (data === undefined) throw new Error(`input ${node.attributes.name} has no value`);
      values.set(node, { shape, data: Float64Array.from(data) });
      continue;
    }
    const rule = opTable[node.kind] as OpRule<OpKind>;
    const operands = node.inputs.map((operand) => values.get(operand)!);
    values.set(node, rule.interpret(operands, node.attributes, shape, bindings));
  }
  return outputs.map((output) => values.get(output)!);
}
