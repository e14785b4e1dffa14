/** Matrix products, and rows by index: products with a one-hot matrix. */
import { broadcastAt, build, zeros } from '../array.ts';
import type { Emitter } from '../emitter.ts';
import type { Node } from '../node.ts';
import type { OpRules } from '../op-rule.ts';
import * as ops from '../ops.ts';

export const productRules: OpRules<'matmul' | 'gatherRows' | 'placeRows' | 'scatterAddRows'> = {
  matmul: {
    gradient: (node, g) => {
      const [a, b] = node.inputs as readonly [Node, Node];
      const { transposeA, transposeB } = node.attributes;
      const da = transposeA
        ? ops.matmul(b, g, { transposeA: transposeB, transposeB: true })
        : ops.matmul(g, b, { transposeB: !transposeB });
      const db = transposeB
        ? ops.matmul(g, a, { transposeA: true, transposeB: transposeA })
        : ops.matmul(a, g, { transposeA: !transposeA });
      return [ops.sumTo(da, a.shape), ops.sumTo(db, b.shape)];
    },
    onnx: (emit, inputs, node) => {
      const transA = Number(node.attributes.transposeA);
      const transB = Number(node.attributes.transposeB);
      if (node.inputs.every((operand) => operand.shape.length === 2)) {
        return emit.op('Gemm', inputs, { transA, transB });
      }
      if (transA === 0 && transB === 0) return emit.op('MatMul', inputs);
      if (emit.device === 'webgpu') {
        const turned = [transA, transB].map((isTransposed, i) =>
          isTransposed ? swapLast(emit, inputs[i]!, node.inputs[i]!.shape.length) : inputs[i]!,
        );
        return emit.op('MatMul', turned);
      }
      return emit.op('FusedMatMul', inputs, { transA, transB }, 'com.microsoft');
    },
    interpret: ([a, b], { transposeA, transposeB }, shape) => {
      const depth = a!.shape.at(transposeA ? -2 : -1)!;
      return build(shape, (index) => {
        const [lead, row, column] = [index.slice(0, -2), index.at(-2)!, index.at(-1)!];
        let total = 0;
        for (let k = 0; k < depth; k++) {
          total +=
            broadcastAt(a!, [...lead, ...(transposeA ? [k, row] : [row, k])]) *
            broadcastAt(b!, [...lead, ...(transposeB ? [column, k] : [k, column])]);
        }
        return total;
      });
    },
    recompute: false,
  },
  gatherRows: {
    gradient: (node, g) => {
      const [table, indices] = node.inputs as readonly [Node, Node];
      return [ops.scatterAddRows(g, indices, table.shape[0]!), undefined];
    },
    onnx: (emit, inputs) => emit.op('Gather', inputs, { axis: 0 }),
    interpret: ([table, indices], _, shape) =>
      build(shape, ([row, ...rest]) => broadcastAt(table!, [indices!.data[row!]!, ...rest])),
    recompute: true,
  },
  placeRows: {
    gradient: (node, g) => {
      const [, rows, inverse] = node.inputs as readonly [Node, Node, Node];
      return [ops.placeRows(g, inverse, rows), undefined, undefined];
    },
    onnx: (emit, [a, rows], node) => {
      const blank = emit.op('Expand', [emit.scalar(0), emit.dims([1, ...node.shape.slice(1)])]);
      return emit.op('Gather', [emit.op('Concat', [blank, a!], { axis: 0 }), rows!], { axis: 0 });
    },
    interpret: ([a, rows], _, shape) =>
      build(shape, ([row, ...rest]) => {
        const from = rows!.data[row!]!;
        return from === 0 ? 0 : broadcastAt(a!, [from - 1, ...rest]);
      }),
    recompute: true,
  },
  scatterAddRows: {
    gradient: (node, g) => [ops.gatherRows(g, node.inputs[1]!), undefined],
    // Not ScatterND: its CPU kernel adds from several threads without a lock and loses updates.
    onnx: (emit, [updates, indices], node) => {
      const table = emit.op('Expand', [emit.scalar(0), emit.dims(node.shape)]);
      const axes = node.shape.slice(1).map((_, axis) => axis + 1);
      const column = emit.op('Unsqueeze', [indices!, emit.dims(axes)]);
      const all = emit.op('Expand', [column, emit.dims(node.inputs[0]!.shape)]);
      return emit.op('ScatterElements', [table, all, updates!], { axis: 0, reduction: 'add' });
    },
    interpret: ([updates, indices], _, shape) => {
      const result = zeros(shape);
      const rowSize = result.data.length / shape[0]!;
      indices!.data.forEach((row, i) => {
        for (let j = 0; j < rowSize; j++) {
          const at = row * rowSize + j;
          result.data[at] = result.data[at]! + updates!.data[i * rowSize + j]!;
        }
      });
      return result;
    },
    recompute: true,
  },
};

/** The last two of so many axes change places. */
function swapLast(emit: Emitter, value: string, rank: number): string {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return emit.op('Transpose', [value], { perm: [...axes.slice(0, -2), rank - 1, rank - 2] });
}
