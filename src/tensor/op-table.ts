/**
 * Everything MediX knows about each op, side by side: its gradient, its ONNX form and its plain meaning.
 * The table is typed by the op names: an op without a rule does not compile.
 */
import type { OpKind } from './op-attributes.ts';
import type { OpRules } from './op-rule.ts';
import { elementwiseRules } from './rules/elementwise.ts';
import { frozenRules } from './rules/frozen.ts';
import { layoutRules } from './rules/layout.ts';
import { productRules } from './rules/product.ts';
import { rowRules } from './rules/row.ts';

export const opTable: OpRules<OpKind> = {
  input: {
    gradient: () => [],
    onnx: () => {
      throw new Error('internal: inputs are declared, not emitted');
    },
    interpret: () => {
      throw new Error('internal: inputs are given, not interpreted');
    },
    recompute: true,
  },
  constant: {
    gradient: () => [],
    onnx: (emit, _, node) => emit.scalar(node.attributes.value),
    interpret: (_, { value }) => ({ shape: [], data: Float64Array.of(value) }),
    recompute: true,
  },
  ...elementwiseRules,
  ...frozenRules,
  ...layoutRules,
  ...productRules,
  ...rowRules,
};
