/**
 * Everything MediX knows about each op, side by side: its gradient, its ONNX form and its plain meaning.
 * The table is typed by the op names: an op without a rule does not compile. (Shapes are in
 * shape-rules.ts, which nodes need before any rule can build more nodes.)
 */
import {
  broadcastAt,
  build,
  forEachIndex,
  mapRows,
  type NdArray,
  strides,
  zeros,
} from './array.ts';
import { type Bindings, dimAdd, dimMultiply, dimSubtract, dimValue } from './dim.ts';
import type { Emitter } from './emitter.ts';
import type { Node } from './node.ts';
import type { OpAttributes, OpKind } from './op-attributes.ts';
import * as ops from './ops.ts';

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

type Elementwise = 'exp' | 'sqrt' | 'tanh' | 'erf' | 'sigmoid' | 'silu' | 'gelu';
type Binary = 'add' | 'subtract' | 'multiply' | 'divide';

const last = (node: Node) => node.shape.length - 1;
const sumLast = (node: Node) => ops.sum(node, [last(node)]);
const sumSquares = (node: Node) => sumLast(ops.multiply(node, node));
const width = (node: Node) => node.shape.at(-1) as number;

function elementwise<K extends Elementwise>(
  onnxType: string,
  meaning: (x: number, attributes: OpAttributes[K]) => number,
  derivative: (node: Node<K>, x: Node) => Node,
  onnx?: OpRule<K>['onnx'],
): OpRule<K> {
  return {
    gradient: (node, g) => [ops.multiply(g, derivative(node, node.inputs[0]!))],
    onnx: onnx ?? ((emit, inputs) => emit.op(onnxType, inputs)),
    interpret: ([a], attributes) => ({ ...a!, data: a!.data.map((x) => meaning(x, attributes)) }),
    recompute: true,
  };
}

function binary<K extends Binary>(
  onnxType: string,
  meaning: (a: number, b: number) => number,
  gradients: (a: Node, b: Node, g: Node) => readonly [Node, Node],
): OpRule<K> {
  return {
    gradient: (node, g) => {
      const [a, b] = node.inputs as readonly [Node, Node];
      const [da, db] = gradients(a, b, g);
      return [ops.sumTo(da, a.shape), ops.sumTo(db, b.shape)];
    },
    onnx: (emit, inputs) => emit.op(onnxType, inputs),
    interpret: ([a, b], _, shape) =>
      build(shape, (index) => meaning(broadcastAt(a!, index), broadcastAt(b!, index))),
    recompute: true,
  };
}

const one = ops.constant(1);
const gaussian = (x: Node) =>
  ops.scale(ops.exp(ops.scale(ops.multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
const geluTanhInner = (x: Node) =>
  ops.scale(
    ops.add(x, ops.scale(ops.multiply(x, ops.multiply(x, x)), 0.044715)),
    Math.sqrt(2 / Math.PI),
  );

export const opTable: { readonly [K in OpKind]: OpRule<K> } = {
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
  add: binary(
    'Add',
    (a, b) => a + b,
    (_a, _b, g) => [g, g],
  ),
  subtract: binary(
    'Sub',
    (a, b) => a - b,
    (_a, _b, g) => [g, ops.scale(g, -1)],
  ),
  multiply: binary(
    'Mul',
    (a, b) => a * b,
    (a, b, g) => [ops.multiply(g, b), ops.multiply(g, a)],
  ),
  divide: binary(
    'Div',
    (a, b) => a / b,
    (a, b, g) => {
      const quotient = ops.divide(g, b);
      return [quotient, ops.scale(ops.multiply(quotient, ops.divide(a, b)), -1)];
    },
  ),
  exp: elementwise('Exp', Math.exp, (node) => node),
  sqrt: elementwise('Sqrt', Math.sqrt, (node) => ops.divide(ops.constant(0.5), node)),
  tanh: elementwise('Tanh', Math.tanh, (node) => ops.subtract(one, ops.multiply(node, node))),
  erf: elementwise('Erf', errorFunction, (_, x) =>
    ops.scale(ops.exp(ops.scale(ops.multiply(x, x), -1)), 2 / Math.sqrt(Math.PI)),
  ),
  sigmoid: elementwise('Sigmoid', logistic, (node) => ops.multiply(node, ops.subtract(one, node))),
  silu: elementwise(
    'QuickGelu',
    (x) => x * logistic(x),
    // s·(1 + x·(1 − s)) with s = sigmoid(x)
    (_, x) => {
      const s = ops.sigmoid(x);
      return ops.multiply(s, ops.add(one, ops.multiply(x, ops.subtract(one, s))));
    },
    // QuickGelu is x·sigmoid(alpha·x) in one pass.
    (emit, inputs) => emit.op('QuickGelu', inputs, { alpha: { float: 1 } }, 'com.microsoft'),
  ),
  gelu: elementwise(
    'Gelu',
    (x, { approximate }) =>
      approximate === 'tanh'
        ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
        : 0.5 * x * (1 + errorFunction(x / Math.SQRT2)),
    ({ attributes }, x) => {
      if (attributes.approximate === 'none') {
        const cdf = ops.scale(ops.add(one, ops.erf(ops.scale(x, Math.SQRT1_2))), 0.5);
        return ops.add(cdf, ops.multiply(x, gaussian(x)));
      }
      const t = ops.tanh(geluTanhInner(x));
      const inner = ops.scale(
        ops.add(one, ops.scale(ops.multiply(x, x), 3 * 0.044715)),
        Math.sqrt(2 / Math.PI),
      );
      const slope = ops.multiply(ops.multiply(x, ops.subtract(one, ops.multiply(t, t))), inner);
      return ops.scale(ops.add(ops.add(one, t), slope), 0.5);
    },
    (emit, inputs, node) => emit.op('Gelu', inputs, { approximate: node.attributes.approximate }),
  ),
  sum: {
    gradient: (node, g) => [ops.expand(g, node.inputs[0]!.shape)],
    onnx: (emit, [a], { attributes }) =>
      emit.op('ReduceSum', [a!, emit.dims(attributes.axes)], { keepdims: 1 }),
    interpret: ([a], _, shape) => {
      const result = zeros(shape);
      const step = strides(shape);
      forEachIndex(a!.shape, (index, flat) => {
        const target = index.reduce(
          (at, i, axis) => at + (shape[axis] === 1 ? 0 : i * step[axis]!),
          0,
        );
        result.data[target] = result.data[target]! + a!.data[flat]!;
      });
      return result;
    },
    recompute: true,
  },
  expand: {
    gradient: (node, g) => [ops.sumTo(g, node.inputs[0]!.shape)],
    onnx: (emit, [a], { attributes }) => emit.op('Expand', [a!, emit.dims(attributes.shape)]),
    interpret: ([a], _, shape) => build(shape, (index) => broadcastAt(a!, index)),
    recompute: true,
  },
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
  reshape: {
    gradient: (node, g) => [ops.reshape(g, node.inputs[0]!.shape)],
    onnx: (emit, [a], { attributes: { shape } }) => {
      // One named dimension can be left for the runtime to infer; then the shape is a constant.
      const named = shape.filter((dim) => typeof dim === 'string').length;
      const target = named === 1 ? shape.map((dim) => (typeof dim === 'string' ? -1 : dim)) : shape;
      return emit.op('Reshape', [a!, emit.dims(target)]);
    },
    interpret: ([a], _, shape) => ({ shape, data: a!.data }),
    recompute: true,
  },
  transpose: {
    gradient: (node, g) => {
      const { permutation } = node.attributes;
      return [
        ops.transpose(
          g,
          permutation.map((_, axis) => permutation.indexOf(axis)),
        ),
      ];
    },
    onnx: (emit, inputs, { attributes }) =>
      emit.op('Transpose', inputs, { perm: attributes.permutation }),
    interpret: ([a], { permutation }, shape) =>
      build(shape, (index) =>
        broadcastAt(
          a!,
          permutation.map((_, axis) => index[permutation.indexOf(axis)]!),
        ),
      ),
    recompute: true,
  },
  slice: {
    gradient: (node, g) => {
      const { axis, start, size } = node.attributes;
      const after = dimSubtract(dimSubtract(node.inputs[0]!.shape[axis]!, start), size);
      return [ops.pad(g, axis, start, after)];
    },
    onnx: (emit, [a], { attributes: { axis, start, size } }) =>
      emit.op('Slice', [
        a!,
        emit.dims([start]),
        emit.dims([dimAdd(start, size)]),
        emit.dims([axis]),
      ]),
    interpret: ([a], { axis, start }, shape, bindings) => {
      const offset = dimValue(start, bindings);
      return build(shape, (index) => broadcastAt(a!, index.with(axis, index[axis]! + offset)));
    },
    recompute: true,
  },
  pad: {
    gradient: (node, g) => {
      const { axis, before } = node.attributes;
      return [ops.slice(g, axis, before, node.inputs[0]!.shape[axis]!)];
    },
    onnx: (emit, [a], { attributes: { axis, before, after } }) =>
      emit.op('Pad', [a!, emit.dims([before, after]), '', emit.dims([axis])]),
    interpret: ([a], { axis, before }, shape, bindings) => {
      const offset = dimValue(before, bindings);
      return build(shape, (index) => {
        const source = index[axis]! - offset;
        if (source < 0 || source >= a!.shape[axis]!) return 0;
        return broadcastAt(a!, index.with(axis, source));
      });
    },
    recompute: true,
  },
  concat: {
    gradient: (node, g) => {
      const { axis } = node.attributes;
      let start: string | number = 0;
      return node.inputs.map((part) => {
        const piece = ops.slice(g, axis, start, part.shape[axis]!);
        start = dimAdd(start, part.shape[axis]!);
        return piece;
      });
    },
    onnx: (emit, inputs, { attributes }) => emit.op('Concat', inputs, { axis: attributes.axis }),
    interpret: (parts, { axis }, shape) =>
      build(shape, (index) => {
        let at = index[axis]!;
        for (const part of parts) {
          if (at < part.shape[axis]!) return broadcastAt(part, index.with(axis, at));
          at -= part.shape[axis]!;
        }
        throw new Error('internal: index past the end of concat');
      }),
    recompute: true,
  },
  rotateHalf: {
    // The map is a rotation by a quarter turn: its transpose is its negative.
    gradient: (_, g) => [ops.scale(ops.rotateHalf(g), -1)],
    // One pass of the rotary kernel, each row a sequence of one, at cosine 0 and sine 1.
    onnx: (emit, [a], node) => {
      const size = width(node);
      const row = emit.op('Reshape', [a!, emit.dims([-1, 1, size])]);
      const [cos, sin] = [0, 1].map((value) =>
        emit.op('Expand', [emit.scalar(value), emit.dims([1, size / 2])]),
      );
      const inputs = [row, emit.dims([0]), cos!, sin!];
      const turned = emit.op('RotaryEmbedding', inputs, {}, 'com.microsoft');
      return emit.op('Reshape', [turned, emit.op('Shape', [a!])]);
    },
    interpret: ([a]) =>
      mapRows(a!, (row) => {
        const half = row.length / 2;
        const low = row.slice(0, half);
        for (let i = 0; i < half; i++) row[i] = -row[half + i]!;
        row.set(low, half);
      }),
    recompute: true,
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
    onnx: (emit, inputs) => emit.op('LogSoftmax', inputs, { axis: -1 }),
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
      const all = emit.op('LogSoftmax', [logits!], { axis: -1 });
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

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** erf by its Taylor series, or the continued fraction of erfc for large arguments. */
function errorFunction(x: number): number {
  const a = Math.abs(x);
  if (a < 3) {
    let term = a;
    let total = a;
    for (let n = 1; n < 100; n++) {
      term *= (-a * a) / n;
      total += term / (2 * n + 1);
    }
    return Math.sign(x) * total * (2 / Math.sqrt(Math.PI));
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + fraction) * Math.sqrt(Math.PI)));
}
