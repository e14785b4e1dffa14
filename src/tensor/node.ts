/**
 * A graph is its nodes: immutable records that point at their inputs. Nothing is computed here; the same
 * graph is differentiated (gradient.ts), interpreted (interpret.ts) and emitted as ONNX (onnx.ts).
 */
import type { Shape } from './dim.ts';
import type { OpAttributes, OpKind } from './op-attributes.ts';
import { shapeRules } from './shape-rules.ts';

export type Node<K extends OpKind = OpKind> = {
  readonly [Kind in K]: {
    readonly kind: Kind;
    readonly inputs: readonly Node[];
    readonly attributes: OpAttributes[Kind];
    readonly shape: Shape;
  };
}[K];

/** Makes a node; its shape follows from the op's rule, which throws on shapes that do not fit. */
export function node<K extends OpKind>(
  kind: K,
  inputs: readonly Node[],
  attributes: OpAttributes[K],
): Node {
  const shape = shapeRules[kind](
    inputs.map((input) => input.shape),
    attributes,
  );
  return { kind, inputs, attributes, shape } as unknown as Node;
}

/** Every node reachable from the roots, inputs before users; `stop` cuts the walk below a node. */
export function topologicalOrder(roots: readonly Node[], stop = (_: Node) => false): Node[] {
  const seen = new Set<Node>();
  const order: Node[] = [];
  // An explicit stack: a deep graph must not overflow the call stack.
  const stack: { readonly node: Node; next: number }[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const inputs = stop(top.node) ? [] : top.node.inputs;
      const input = inputs[top.next++];
      if (input === undefined) {
        order.push(top.node);
        stack.pop();
      } else if (!seen.has(input)) {
        seen.add(input);
        stack.push({ node: input, next: 0 });
      }
    }
  }
  return order;
}
