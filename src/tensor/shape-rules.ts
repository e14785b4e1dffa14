/** Result shape of each op; throws where the inputs do not fit. */
import { type Dim, dimAdd, dimMultiply, type Shape, sameShape } from './dim.ts';
import type { OpAttributes, OpKind } from './op-attributes.ts';

type ShapeRule<K extends OpKind> = (shapes: readonly Shape[], attributes: OpAttributes[K]) => Shape;

const same: ShapeRule<OpKind> = ([a]) => a!;
const broadcast: ShapeRule<OpKind> = ([a, b]) => broadcastShapes(a!, b!);

export const shapeRules: { readonly [K in OpKind]: ShapeRule<K> } = {
  input: (_, { shape }) => shape,
  constant: () => [],
  add: broadcast,
  subtract: broadcast,
  multiply: broadcast,
  divide: broadcast,
  exp: same,
  sqrt: same,
  tanh: same,
  erf: same,
  sigmoid: same,
  silu: same,
  gelu: same,
  sum: ([a], { axes }) => a!.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
  expand: ([a], { shape }) => {
    check(sameShape(broadcastShapes(a!, shape), shape), 'expand', a!, shape);
    return shape;
  },
  matmul: ([a, b], { transposeA, transposeB }) => {
    check(a!.length >= 2 && b!.length >= 2, 'matmul', a!, b!);
    const [m, k] = lastTwo(a!, transposeA);
    const [l, n] = lastTwo(b!, transposeB);
    check(k === l, 'matmul', a!, b!);
    return [...broadcastShapes(a!.slice(0, -2), b!.slice(0, -2)), m, n];
  },
  widen: same,
  storedProduct: ([a], { matrix, transposed }) => {
    const { rows, columns } = matrix;
    const [from, to] = transposed ? [rows, columns] : [columns, rows];
    check(a!.length === 2 && a![1] === from, 'storedProduct', a!, [rows, columns]);
    return [a![0]!, to];
  },
  reshape: ([a], { shape }) => {
    check(dimMultiply(1, ...a!) === dimMultiply(1, ...shape), 'reshape', a!, shape);
    return shape;
  },
  transpose: ([a], { permutation }) => {
    check(permutation.length === a!.length, 'transpose', a!, permutation);
    return permutation.map((axis) => a![axis]!);
  },
  slice: ([a], { axis, size }) => a!.with(axis, size),
  pad: ([a], { axis, before, after }) => a!.with(axis, dimAdd(dimAdd(before, a![axis]!), after)),
  concat: (shapes, { axis }) => {
    const [first, ...rest] = shapes;
    for (const shape of rest) {
      check(sameShape(shape.with(axis, 0), first!.with(axis, 0)), 'concat', first!, shape);
    }
    return first!.with(axis, shapes.map((shape) => shape[axis]!).reduce(dimAdd));
  },
  rotateHalf: ([a]) => {
    const width = a!.at(-1);
    check(typeof width === 'number' && width % 2 === 0, 'rotateHalf', a!);
    return a!;
  },
  rotate: ([a, cos, sin]) => {
    const [rows, , size] = a!;
    const half = typeof size === 'number' ? size / 2 : Number.NaN;
    check(a!.length === 3 && sameShape(cos!, [rows!, half]), 'rotate', a!, cos!);
    check(sameShape(cos!, sin!), 'rotate', cos!, sin!);
    return a!;
  },
  gatherRows: ([table, indices]) => {
    check(indices!.length === 1, 'gatherRows', table!, indices!);
    return [indices![0]!, ...table!.slice(1)];
  },
  placeRows: ([a, rows, inverse]) => {
    check(rows!.length === 1 && inverse![0] === a![0], 'placeRows', a!, inverse!);
    return [rows![0]!, ...a!.slice(1)];
  },
  scatterAddRows: ([updates, indices], { rows }) => {
    check(updates![0] === indices![0], 'scatterAddRows', updates!, indices!);
    return [rows, ...updates!.slice(1)];
  },
  softmax: same,
  logSoftmax: same,
  tokenLogprobs: ([logits, tokens]) => {
    check(logits!.length === 2 && logits![0] === tokens![0], 'tokenLogprobs', logits!, tokens!);
    return [tokens![0]!];
  },
  addAtTokens: ([matrix, values, tokens]) => {
    check(sameShape(values!, tokens!), 'addAtTokens', values!, tokens!);
    check(matrix!.length === 2 && matrix![0] === values![0], 'addAtTokens', matrix!, values!);
    return matrix!;
  },
  rmsNorm: ([a, weight]) => {
    check(sameShape(weight!, a!.slice(-1)), 'rmsNorm', a!, weight!);
    return a!;
  },
  layerNorm: ([a, weight, bias]) => {
    check(sameShape(weight!, a!.slice(-1)) && sameShape(bias!, weight!), 'layerNorm', a!, weight!);
    return a!;
  },
};

function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i): Dim => {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    check(left === right || left === 1 || right === 1, 'broadcast', a, b);
    return left === 1 ? right : left;
  });
}

function lastTwo(shape: Shape, transposed: boolean): readonly [Dim, Dim] {
  const [rows, columns] = [shape.at(-2)!, shape.at(-1)!];
  return transposed ? [columns, rows] : [rows, columns];
}

function check(fits: boolean, op: string, ...shapes: readonly Shape[]): void {
  if (fits) return;
  throw new Error(
    `${op}: shapes do not fit: ${shapes.map((s) => `[${s.join(', ')}]`).join(' and ')}`,
  );
}
