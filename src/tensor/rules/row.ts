/** Ops along the last axis: softmax and norms. */
import { broadcastAt, build, mapRows, type NdArray } from '../array.ts';
import { dimMultiply } from '../dim.ts';
import type { Emitter } from '../emitter.ts';
import type { Node } from '../node.ts';
import type { OpRules } from '../op-rule.ts';
import * as ops from '../ops.ts';

const one = ops.constant(1);
const last = (node: Node) => node.shape.length - 1;
const sumLast = (node: Node) => ops.sum(node, [last(node)]);
const sumSquares = (node: Node) => sumLast(ops.multiply(node, node));
const width = (node: Node) => node.shape.at(-1) as number;

export const rowRules: OpRules<
  'softmax' | 'logSoftmax' | 'tokenLogprobs' | 'addAtTokens' | 'rmsNorm' | 'layerNorm'
> = {
  softmax: {
    gradient: (node, g) => {
      const weighted = ops.multiply(g, node);
      return [ops.subtract(weighted, ops.multiply(node, sumLast(weighted)))];
    },
    onnx: (emit, inputs) => emit.op('Softmax', inputs, { axis: -1 }),
    interpret: ([a]) => mapRows(a!, (row) => row.set(logSoftmaxRow(row).map(Math.exp))),
    recompute: false,
  },
  logSoftmax: {
    gradient: (node, g) => [ops.subtract(g, ops.multiply(ops.exp(node), sumLast(g)))],
    onnx: (emit, [a]) => logSoftmaxOf(emit, a!),
    interpret: ([a]) => mapRows(a!, (row) => row.set(logSoftmaxRow(row))),
    recompute: false,
  },
  tokenLogprobs: {
    gradient: (node, g) => {
      const [logits, tokens] = node.inputs as readonly [Node, Node];
      const column = ops.reshape(ops.scale(g, -1), [g.shape[0]!, 1]);
      return [ops.addAtTokens(ops.multiply(ops.softmax(logits), column), g, tokens), undefined];
    },
    onnx: (emit, [logits, tokens]) => {
      const all = logSoftmaxOf(emit, logits!);
      const column = emit.op('Unsqueeze', [tokens!, emit.dims([1])]);
      return emit.op('Squeeze', [
        emit.op('GatherElements', [all, column], { axis: 1 }),
        emit.dims([1]),
      ]);
    },
    interpret: ([logits, tokens], _, shape) => {
      const all = mapRows(logits!, (row) => row.set(logSoftmaxRow(row)));
      return build(shape, ([row]) => broadcastAt(all, [row!, tokens!.data[row!]!]));
    },
    recompute: false,
  },
  addAtTokens: {
    gradient: (node, g) => {
      const [matrix, values, tokens] = node.inputs as readonly [Node, Node, Node];
      const blank = ops.expand(ops.constant(0), matrix.shape);
      const marks = ops.addAtTokens(blank, ops.expand(one, values.shape), tokens);
      return [g, ops.reshape(sumLast(ops.multiply(g, marks)), values.shape), undefined];
    },
    onnx: (emit, [matrix, values, tokens]) => {
      const columns = emit.op('Unsqueeze', [tokens!, emit.dims([1])]);
      const updates = emit.op('Unsqueeze', [values!, emit.dims([1])]);
      const attributes = { axis: 1, reduction: 'add' };
      return emit.op('ScatterElements', [matrix!, columns, updates], attributes);
    },
    interpret: ([matrix, values, tokens], _, shape) =>
      build(shape, ([row, column]) => {
        const added = tokens!.data[row!] === column ? values!.data[row!]! : 0;
        return broadcastAt(matrix!, [row!, column!]) + added;
      }),
    recompute: true,
  },
  rmsNorm: {
    // With r = 1/rms(a): r·g·w − a·r³·mean(g·a·w), and Σ r·g·a for the weight. The sums are products
    // with a vector, which read the rows but write none.
    gradient: (node, g) => {
      const [a, weight] = node.inputs as readonly [Node, Node];
      const size = width(a);
      const rows = dimMultiply(...a.shape.slice(0, -1));
      const inverse = inverseDeviation(sumSquares(a), size, node.attributes.epsilon);
      const product = ops.reshape(ops.multiply(g, a), [rows, size]);
      const dot = ops.matmul(product, ops.reshape(weight, [size, 1]));
      const cubed = ops.multiply(inverse, ops.multiply(inverse, inverse));
      const pull = ops.scale(ops.multiply(cubed, ops.reshape(dot, inverse.shape)), 1 / size);
      return [
        ops.subtract(ops.multiply(ops.multiply(g, weight), inverse), ops.multiply(a, pull)),
        ops.reshape(ops.matmul(ops.reshape(inverse, [1, rows]), product), weight.shape),
      ];
    },
    onnx: (emit, inputs, { attributes }) =>
      emit.op('SimplifiedLayerNormalization', inputs, {
        axis: -1,
        epsilon: { float: attributes.epsilon },
      }),
    interpret: ([a, weight], { epsilon }) => scaleRows(normalise(a!, epsilon, false), weight!),
    recompute: true,
  },
  layerNorm: {
    gradient: (node, g) => {
      const [a, weight, bias] = node.inputs as readonly [Node, Node, Node];
      const centred = ops.subtract(a, ops.scale(sumLast(a), 1 / width(a)));
      const inverse = inverseDeviation(sumSquares(centred), width(a), node.attributes.epsilon);
      const normal = ops.multiply(centred, inverse);
      const inner = normGradient(ops.multiply(g, weight), normal, inverse);
      return [
        ops.subtract(inner, ops.scale(sumLast(inner), 1 / width(a))),
        ops.sumTo(ops.multiply(g, normal), weight.shape),
        ops.sumTo(g, bias.shape),
      ];
    },
    onnx: (emit, inputs, { attributes }) =>
      emit.op('LayerNormalization', inputs, { axis: -1, epsilon: { float: attributes.epsilon } }),
    interpret: ([a, weight, bias], { epsilon }) => {
      const scaled = scaleRows(normalise(a!, epsilon, true), weight!);
      return mapRows(scaled, (row) => row.set(row.map((x, i) => x + bias!.data[i]!)));
    },
    recompute: true,
  },
};

/** WebGPU has no op of its own for it: x − max − log Σ exp(x − max). */
function logSoftmaxOf(emit: Emitter, a: string): string {
  if (emit.device === 'cpu') return emit.op('LogSoftmax', [a], { axis: -1 });
  const axis = emit.dims([-1]);
  const below = emit.op('Sub', [a, emit.op('ReduceMax', [a, axis], { keepdims: 1 })]);
  const total = emit.op('ReduceSum', [emit.op('Exp', [below]), axis], { keepdims: 1 });
  return emit.op('Sub', [below, emit.op('Log', [total])]);
}

/** 1 / sqrt(mean of squares + epsilon), given their sum over the last axis and its size. */
function inverseDeviation(sumOfSquares: Node, size: number, epsilon: number): Node {
  const mean = ops.scale(sumOfSquares, 1 / size);
  return ops.divide(one, ops.sqrt(ops.add(mean, ops.constant(epsilon))));
}

/** Gradient through x·inverse(x), where `normal` is that product: inverse·(g − normal·mean(g·normal)). */
function normGradient(g: Node, normal: Node, inverse: Node): Node {
  const mean = ops.scale(sumLast(ops.multiply(g, normal)), 1 / width(normal));
  return ops.multiply(inverse, ops.subtract(g, ops.multiply(normal, mean)));
}

function normalise(a: NdArray, epsilon: number, centre: boolean): NdArray {
  return mapRows(a, (row) => {
    const mean = centre ? row.reduce((total, x) => total + x, 0) / row.length : 0;
    const variance = row.reduce((total, x) => total + (x - mean) ** 2, 0) / row.length;
    row.set(row.map((x) => (x - mean) / Math.sqrt(variance + epsilon)));
  });
}

function scaleRows(a: NdArray, weight: NdArray): NdArray {
  return mapRows(a, (row) => row.set(row.map((x, i) => x * weight.data[i]!)));
}

function logSoftmaxRow(row: Float64Array): Float64Array {
  const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = row.reduce((sum, x) => sum + Math.exp(x - top), 0);
  return row.map((x) => x - top - Math.log(total));
}
