/**
 * Frozen matrices in fewer bits: float16 that is widened, and 8-bit integers that are multiplied as they are.
 *
 * The integer product takes each row of its left side as two planes of 8 bits, of which the second holds what
 * the first has rounded off: x = amax/127 · (high + low/254). One plane alone would cost two digits. A row has
 * its own scale, so that one row's outliers leave the others alone. All planes go through one product, so
 * that the matrix is packed once. Where the processor bears 7 bits on the left alone (`LeftBits`), there are three
 * planes of 7 bits.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { build, type NdArray } from '../array.ts';
import type { Emitter } from '../emitter.ts';
import type { OpRules } from '../op-rule.ts';
import * as ops from '../ops.ts';
import type { StoredMatrix } from '../stored-matrix.ts';

/** By the bits of a plane: the middle of its unsigned integers, which the runtime wants on the left, and how many. */
const planesOf = {
  8: { zeroPoint: 128, largest: 127, count: 2 },
  7: { zeroPoint: 64, largest: 63, count: 3 },
} as const;
/** A row of zeros is divided by this. */
const tiny = 1e-30;

export const frozenRules: OpRules<'widen' | 'storedProduct'> = {
  widen: {
    gradient: () => [undefined],
    onnx: (emit, inputs) => emit.op('Cast', inputs, { to: 1 }),
    interpret: ([a]) => a!,
    recompute: true,
  },
  storedProduct: {
    gradient: (node, g) => {
      const { matrix, transposed } = node.attributes;
      return [ops.storedProduct(g, matrix, !transposed)];
    },
    onnx: (emit, [a], { attributes: { matrix, transposed } }) => {
      const { file, rows, columns, scales, forward, backward } = matrix;
      if (!transposed) {
        const integers = emit.integers(file, forward, [columns, rows]);
        return planeProduct(emit, a!, integers, emit.vector(scales), rows);
      }
      const scaled = emit.op('Mul', [a!, emit.vector(scales)]);
      const integers = emit.integers(file, backward, [rows, columns]);
      return planeProduct(emit, scaled, integers, emit.scalar(1), columns);
    },
    interpret: ([a], { matrix, transposed }, shape) => {
      const values = dequantised(matrix);
      const { rows, columns } = matrix;
      return build(shape, ([m, n]) => {
        let total = 0;
        for (let k = 0; k < (transposed ? rows : columns); k++) {
          const element = transposed ? k * columns + n! : n! * columns + k;
          total += a!.data[m! * a!.shape[1]! + k]! * values[element]!;
        }
        return total;
      });
    },
    recompute: false,
  },
};

/** a [M, K] times integers [K, N], each column n of the result times scale n. */
function planeProduct(
  emit: Emitter,
  a: string,
  integers: string,
  columnScales: string,
  width: number,
): string {
  const { zeroPoint, largest, count } = planesOf[emit.leftBits];
  /** Steps of a plane in one step of the plane before. */
  const steps = 2 * largest;
  const unitOf = (plane: number) => emit.scalar(1 / steps ** plane);
  const amax = emit.op('ReduceMax', [emit.op('Abs', [a]), emit.dims([1])], { keepdims: 1 });
  const bound = emit.op('Max', [amax, emit.scalar(tiny)]);
  const middle = emit.scalar(zeroPoint, 'uint8');
  let rest = emit.op('Mul', [a, emit.op('Div', [emit.scalar(largest), bound])]);
  const planes = Array.from({ length: count }, (_, plane) => {
    const integral = emit.op('QuantizeLinear', [rest, unitOf(plane), middle]);
    if (plane < count - 1) {
      const taken = emit.op('DequantizeLinear', [integral, unitOf(plane), middle]);
      rest = emit.op('Sub', [rest, taken]);
    }
    return integral;
  });
  const product = emit.op(
    'MatMulIntegerToFloat',
    [emit.op('Concat', planes, { axis: 0 }), integers, unitOf(0), columnScales, middle],
    {},
    'com.microsoft',
  );
  const parts = emit.op('Reshape', [product, emit.dims([count, -1, width])]);
  const whole = planes
    .map((_, plane) =>
      emit.op('Slice', [parts, emit.dims([plane]), emit.dims([plane + 1]), emit.dims([0])]),
    )
    .reduce((sum, part, plane) => emit.op('Add', [sum, emit.op('Mul', [part, unitOf(plane)])]));
  const rowScale = emit.op('Mul', [bound, emit.scalar(1 / largest)]);
  return emit.op('Reshape', [emit.op('Mul', [whole, rowScale]), emit.dims([-1, width])]);
}

/** [rows, columns] */
function dequantised({ file, rows, columns, scales, backward }: StoredMatrix): NdArray['data'] {
  const integers = new Int8Array(rows * columns);
  const handle = openSync(file, 'r');
  readSync(handle, integers, 0, integers.length, backward);
  closeSync(handle);
  return Float64Array.from(integers, (value, i) => value * scales[Math.floor(i / columns)]!);
}
