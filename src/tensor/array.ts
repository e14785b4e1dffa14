/** The interpreter's values: dense float64, row-major. Plain loops that define what each op means. */

export type NdArray = { readonly shape: readonly number[]; readonly data: Float64Array };

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

export function zeros(shape: readonly number[]): NdArray {
  return { shape, data: new Float64Array(sizeOf(shape)) };
}

export function strides(shape: readonly number[]): number[] {
  const result = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    result[axis] = result[axis + 1]! * shape[axis + 1]!;
  }
  return result;
}

/** Calls `visit` with every multi-index of `shape` in row-major order. The index array is reused. */
export function forEachIndex(
  shape: readonly number[],
  visit: (index: readonly number[], flat: number) => void,
): void {
  const index = new Array<number>(shape.length).fill(0);
  const total = sizeOf(shape);
  for (let flat = 0; flat < total; flat++) {
    visit(index, flat);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = index[axis]! + 1;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** Element of `array` at the trailing part of `index`, dimensions of size 1 repeated. */
export function broadcastAt(array: NdArray, index: readonly number[]): number {
  const lead = index.length - array.shape.length;
  let flat = 0;
  for (let axis = 0; axis < array.shape.length; axis++) {
    flat = flat * array.shape[axis]! + (array.shape[axis] === 1 ? 0 : index[lead + axis]!);
  }
  return array.data[flat]!;
}

/** A result of the given shape from a function of the multi-index. */
export function build(
  shape: readonly number[],
  value: (index: readonly number[]) => number,
): NdArray {
  const result = zeros(shape);
  forEachIndex(shape, (index, flat) => {
    result.data[flat] = value(index);
  });
  return result;
}

/** Applies `rule` to every slice along the last axis, in place on a copy. */
export function mapRows(array: NdArray, rule: (row: Float64Array) => void): NdArray {
  const data = array.data.slice();
  const width = array.shape.at(-1)!;
  for (let start = 0; start < data.length; start += width)
    rule(data.subarray(start, start + width));
  return { shape: array.shape, data };
}
