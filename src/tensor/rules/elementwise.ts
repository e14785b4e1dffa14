/** Ops on each element by itself, with broadcasting. */
import { broadcastAt, build } from '../array.ts';
import type { Node } from '../node.ts';
import type { OpAttributes } from '../op-attributes.ts';
import type { OpRule, OpRules } from '../op-rule.ts';
import * as ops from '../ops.ts';

type Unary = 'exp' | 'sqrt' | 'tanh' | 'erf' | 'sigmoid' | 'silu' | 'gelu';
type Binary = 'add' | 'subtract' | 'multiply' | 'divide';

const one = ops.constant(1);
const gaussian = (x: Node) =>
  ops.scale(ops.exp(ops.scale(ops.multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
const geluTanhInner = (x: Node) =>
  ops.scale(
    ops.add(x, ops.scale(ops.multiply(x, ops.multiply(x, x)), 0.044715)),
    Math.sqrt(2 / Math.PI),
  );

export const elementwiseRules: OpRules<Unary | Binary> = {
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
  exp: unary('Exp', Math.exp, (node) => node),
  sqrt: unary('Sqrt', Math.sqrt, (node) => ops.divide(ops.constant(0.5), node)),
  tanh: unary('Tanh', Math.tanh, (node) => ops.subtract(one, ops.multiply(node, node))),
  erf: unary('Erf', errorFunction, (_, x) =>
    ops.scale(ops.exp(ops.scale(ops.multiply(x, x), -1)), 2 / Math.sqrt(Math.PI)),
  ),
  sigmoid: unary('Sigmoid', logistic, (node) => ops.multiply(node, ops.subtract(one, node))),
  silu: unary(
    // QuickGelu is x·sigmoid(alpha·x) in one pass.
    (emit, inputs) => emit.op('QuickGelu', inputs, { alpha: { float: 1 } }, 'com.microsoft'),
    (x) => x * logistic(x),
    // s·(1 + x − silu(x)) with s = sigmoid(x)
    (node, x) => ops.multiply(ops.sigmoid(x), ops.add(one, ops.subtract(x, node))),
  ),
  gelu: unary(
    (emit, inputs, node) => emit.op('Gelu', inputs, { approximate: node.attributes.approximate }),
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
  ),
};

function unary<K extends Unary>(
  onnx: string | OpRule<K>['onnx'],
  meaning: (x: number, attributes: OpAttributes[K]) => number,
  derivative: (node: Node<K>, x: Node) => Node,
): OpRule<K> {
  return {
    gradient: (node, g) => [ops.multiply(g, derivative(node, node.inputs[0]!))],
    onnx: typeof onnx === 'string' ? (emit, inputs) => emit.op(onnx, inputs) : onnx,
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
