/** The vocabulary graphs are written in: one function per op, plus a few short compositions. */
import { type Dim, dimAdd, type Shape, sameShape } from './dim.ts';
import { type Node, node } from './node.ts';
import type { DataType } from './op-attributes.ts';
import type { StoredMatrix } from './stored-matrix.ts';

export const input = (name: string, shape: Shape, dataType: DataType = 'float32'): Node =>
  node('input', [], { name, dataType, shape });

export const constant = (value: number): Node => node('constant', [], { value });

/** Elementwise with numpy's broadcasting; a named dimension never stands for 1. */
export const add = (a: Node, b: Node): Node => joinPads(a, b) ?? broadcasting('add', a, b);
export const subtract = (a: Node, b: Node): Node => broadcasting('subtract', a, b);
export const multiply = (a: Node, b: Node): Node => broadcasting('multiply', a, b);
export const divide = (a: Node, b: Node): Node => broadcasting('divide', a, b);
export const scale = (a: Node, factor: number): Node => multiply(a, constant(factor));

export const exp = (a: Node): Node => node('exp', [a], {});
export const sqrt = (a: Node): Node => node('sqrt', [a], {});
export const tanh = (a: Node): Node => node('tanh', [a], {});
export const erf = (a: Node): Node => node('erf', [a], {});
export const sigmoid = (a: Node): Node => node('sigmoid', [a], {});
/** x·sigmoid(x). */
export const silu = (a: Node): Node => node('silu', [a], {});
export const gelu = (a: Node, approximate: 'none' | 'tanh'): Node =>
  node('gelu', [a], { approximate });

/** Sums over `axes`, which stay as dimensions of size 1. */
export const sum = (a: Node, axes: readonly number[]): Node =>
  axes.length === 0 ? a : node('sum', [a], { axes });

export const expand = (a: Node, shape: Shape): Node =>
  sameShape(a.shape, shape) ? a : node('expand', [a], { shape });

/** [..., M, K] × [..., K, N] after the transpositions asked for; leading dimensions broadcast. */
export const matmul = (a: Node, b: Node, { transposeA = false, transposeB = false } = {}): Node =>
  node('matmul', [a, b], { transposeA, transposeB });

/** A float16 input as float32. It is not differentiated. */
export const widen = (a: Node): Node => node('widen', [a], {});

/** x [M, columns] × matrixᵀ → [M, rows]; transposed: x [M, rows] × matrix → [M, columns]. */
export const storedProduct = (a: Node, matrix: StoredMatrix, transposed = false): Node =>
  node('storedProduct', [a], { matrix, transposed });

export const reshape = (a: Node, shape: Shape): Node => {
  if (sameShape(a.shape, shape)) return a;
  return a.kind === 'reshape' ? reshape(a.inputs[0]!, shape) : node('reshape', [a], { shape });
};

export const transpose = (a: Node, permutation: readonly number[]): Node =>
  node('transpose', [a], { permutation });

export const slice = (a: Node, axis: number, start: Dim, size: Dim): Node =>
  node('slice', [a], { axis, start, size });

/** Zeros before and after along one axis. */
export const pad = (a: Node, axis: number, before: Dim, after: Dim): Node =>
  before === 0 && after === 0 ? a : node('pad', [a], { axis, before, after });

export const concat = (parts: readonly Node[], axis: number): Node =>
  node('concat', parts, { axis });

/** [a, b] → [−b, a] on the halves of the last axis. */
export const rotateHalf = (a: Node): Node => node('rotateHalf', [a], {});

/**
 * Turns each pair of elements (i, i + d/2) of rows [N, H, d] by an angle of its own: `cos` and `sin` [N, d/2]
 * (arXiv 2104.09864). `inverse` turns back.
 */
export const rotate = (a: Node, cos: Node, sin: Node, inverse = false): Node =>
  node('rotate', [a, cos, sin], { inverse });

/** Rows `indices` [M] (int32) of `table` [R, ...] → [M, ...]. */
export const gatherRows = (table: Node, indices: Node): Node =>
  node('gatherRows', [table, indices], {});

/**
 * Rows of `a` [R, ...] in other places: row i of the result [M, ...] is row `rows[i]` − 1, or zeros where
 * `rows[i]` [M] (int32) is 0. `inverse` [R] (int32) tells the same the other way round: 1 + where a row went, 0
 * where it is left out. A row goes to one place at most, so the gradient needs no sums.
 */
export const placeRows = (a: Node, rows: Node, inverse: Node): Node =>
  node('placeRows', [a, rows, inverse], {});

/** Adds `updates` [M, ...] to rows `indices` [M] (int32) of a zero table [rows, ...]. */
export const scatterAddRows = (updates: Node, indices: Node, rows: Dim): Node =>
  node('scatterAddRows', [updates, indices], { rows });

/** Over the last axis. */
export const softmax = (a: Node): Node => node('softmax', [a], {});
export const logSoftmax = (a: Node): Node => node('logSoftmax', [a], {});

/** Log-softmax of `logits` [M, V] at `tokens` [M] (int32) → [M]. */
export const tokenLogprobs = (logits: Node, tokens: Node): Node =>
  node('tokenLogprobs', [logits, tokens], {});

/** `matrix` [M, V] with `values` [M] added at columns `tokens` [M] (int32). */
export const addAtTokens = (matrix: Node, values: Node, tokens: Node): Node =>
  node('addAtTokens', [matrix, values, tokens], {});

/** x / sqrt(mean(x²) + epsilon) · weight over the last axis (arXiv 1910.07467). */
export const rmsNorm = (a: Node, weight: Node, epsilon: number): Node =>
  node('rmsNorm', [a, weight], { epsilon });

/** Over the last axis (arXiv 1607.06450). */
export const layerNorm = (a: Node, weight: Node, bias: Node, epsilon: number): Node =>
  node('layerNorm', [a, weight, bias], { epsilon });

/** x [M, in] with weight [out, in], as Hugging Face stores it, and optional bias [out]. */
export function linear(a: Node, weight: Node, bias?: Node): Node {
  const product = matmul(a, weight, { transposeB: true });
  return bias === undefined ? product : add(product, bias);
}

/** Sums `a` down to `shape`, undoing a broadcast. */
export function sumTo(a: Node, shape: Shape): Node {
  const lead = a.shape.length - shape.length;
  const axes = a.shape.flatMap((dim, axis) =>
    axis < lead || (shape[axis - lead] === 1 && dim !== 1) ? [axis] : [],
  );
  return reshape(sum(a, axes), shape);
}

type Broadcasting = 'add' | 'subtract' | 'multiply' | 'divide';

/** An explicit expansion is dropped where the other operand broadcasts it anyway. */
function broadcasting(kind: Broadcasting, a: Node, b: Node): Node {
  const full = node(kind, [a, b], {});
  const bare = (operand: Node) => (operand.kind === 'expand' ? operand.inputs[0]! : operand);
  for (const [left, right] of [
    [bare(a), bare(b)],
    [bare(a), b],
    [a, bare(b)],
  ] as const) {
    const candidate = node(kind, [left, right], {});
    if (sameShape(candidate.shape, full.shape)) return candidate;
  }
  return full;
}

/**
 * The sum of two padded tensors that lie side by side is their concatenation. Gradients of the slices of
 * one tensor add up in this way.
 */
function joinPads(a: Node, b: Node): Node | undefined {
  if (a.kind !== 'pad' || b.kind !== 'pad' || !sameShape(a.shape, b.shape)) return undefined;
  const { axis } = a.attributes;
  if (b.attributes.axis !== axis) return undefined;
  const end = ({ inputs, attributes }: typeof a) =>
    dimAdd(attributes.before, inputs[0]!.shape[axis]!);
  if (end(b) === a.attributes.before) return joinPads(b, a);
  if (end(a) !== b.attributes.before) return undefined;
  const joined = concat([a.inputs[0]!, b.inputs[0]!], axis);
  return pad(joined, axis, a.attributes.before, b.attributes.after);
}
