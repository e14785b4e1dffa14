/** What is known of one op. (Its shape is in shape-rules.ts, which nodes need before any rule can build more.) */
import type { NdArray } from './array.ts';
import type { Bindings } from './dim.ts';
import type { Emitter } from './emitter.ts';
import type { Node } from './node.ts';
import type { OpAttributes, OpKind } from './op-attributes.ts';

export type OpRule<K extends OpKind> = {
  /**
   * Gradient of each input given the gradient of the result, `undefined` where there is none (indices).
   * Each gradient has its input's shape.
   */
  readonly gradient: (node: Node<K>, gradient: Node) => readonly (Node | undefined)[];
  /** Emits the op on named inputs; returns the name of its result. */
  readonly onnx: (emit: Emitter, inputs: readonly string[], node: Node<K>) => string;
  readonly interpret: (
    inputs: readonly NdArray[],
    attributes: OpAttributes[K],
    shape: readonly number[],
    bindings: Bindings,
  ) => NdArray;
  /** Whether the backward pass computes the result again from its inputs rather than keep it. */
  readonly recompute: boolean;
};

/** Rules of some ops, e.g. of one family. */
export type OpRules<K extends OpKind> = { readonly [Kind in K]: OpRule<Kind> };
