/**
 * Reverse-mode differentiation, graph to graph, and the split of the result into two programs: a forward
 * pass that also returns what the backward pass needs (*residuals*), and a backward pass that takes it.
 * The loss lies between the two, outside the graph.
 */
import { type Node, topologicalOrder } from './node.ts';
import type { OpKind } from './op-attributes.ts';
import type { OpRule } from './op-rule.ts';
import { opTable } from './op-table.ts';
import { add, constant, expand } from './ops.ts';

/** A result and dLoss/dResult, of the same shape. */
export type Seeded = { readonly output: Node; readonly seed: Node };

/**
 * Gradients of the sum over `results` of `sum(output · seed)` with respect to `variables`; zeros for a
 * variable without influence. A result may also be used by another one.
 */
export function gradientsOf(results: readonly Seeded[], variables: readonly Node[]): Node[] {
  const order = topologicalOrder(results.map(({ output }) => output));
  const influenced = new Set<Node>(variables);
  for (const node of order) {
    if (node.inputs.some((operand) => influenced.has(operand))) influenced.add(node);
  }
  const gradients = new Map(results.map(({ output, seed }) => [output, seed]));
  for (const node of order.reverse()) {
    const gradient = gradients.get(node);
    if (gradient === undefined || !influenced.has(node)) continue;
    const parts = (opTable[node.kind] as OpRule<OpKind>).gradient(node, gradient);
    node.inputs.forEach((operand, i) => {
      const part = parts[i];
      if (part === undefined || !influenced.has(operand)) return;
      const before = gradients.get(operand);
      gradients.set(operand, before === undefined ? part : add(before, part));
    });
  }
  return variables.map(
    (variable) => gradients.get(variable) ?? expand(constant(0), variable.shape),
  );
}

export type SplitGraph = {
  /** Values that the forward pass hands to the backward pass, by name. */
  readonly residuals: ReadonlyMap<Node, string>;
  /** Gradients in the order of `variables`. */
  readonly gradients: readonly Node[];
};

/**
 * Differentiates and chooses the residuals: a value of the forward pass that the backward pass uses is
 * computed again when its op is cheap (see `recompute` in the op table) and handed over otherwise.
 * @param keep forward values to hand over although their op is cheap, e.g. the residual stream, whose
 *   recomputation would reach back to the embedding.
 */
export function splitForwardBackward(
  results: readonly Seeded[],
  variables: readonly Node[],
  keep: ReadonlySet<Node>,
): SplitGraph {
  const gradients = gradientsOf(results, variables);
  const forward = new Set(topologicalOrder(results.map(({ output }) => output)));
  const isResidual = (node: Node) =>
    forward.has(node) && (keep.has(node) || !opTable[node.kind].recompute);
  const residuals = new Map<Node, string>();
  for (const node of topologicalOrder(gradients, isResidual)) {
    if (isResidual(node)) residuals.set(node, `residual${residuals.size}`);
  }
  return { residuals, gradients };
}
