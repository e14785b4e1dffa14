/** What each op is told besides its inputs. Every table over ops is typed by these keys. */
import type { Dim, Shape } from './dim.ts';
import type { StoredMatrix } from './stored-matrix.ts';

/** Float32 is the only type that is computed with; int32 inputs index rows, float16 ones are widened first. */
export type DataType = 'float32' | 'float16' | 'int32';

export type OpAttributes = {
  input: { readonly name: string; readonly dataType: DataType; readonly shape: Shape };
  constant: { readonly value: number };
  add: object;
  subtract: object;
  multiply: object;
  divide: object;
  exp: object;
  sqrt: object;
  tanh: object;
  erf: object;
  sigmoid: object;
  silu: object;
  gelu: { readonly approximate: 'none' | 'tanh' };
  sum: { readonly axes: readonly number[] };
  expand: { readonly shape: Shape };
  widen: object;
  storedProduct: { readonly matrix: StoredMatrix; readonly transposed: boolean };
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  reshape: { readonly shape: Shape };
  transpose: { readonly permutation: readonly number[] };
  slice: { readonly axis: number; readonly start: Dim; readonly size: Dim };
  pad: { readonly axis: number; readonly before: Dim; readonly after: Dim };
  concat: { readonly axis: number };
  rotateHalf: object;
  rotate: { readonly inverse: boolean };
  gatherRows: object;
  placeRows: object;
  scatterAddRows: { readonly rows: Dim };
  softmax: object;
  logSoftmax: object;
  tokenLogprobs: object;
  addAtTokens: object;
  rmsNorm: { readonly epsilon: number };
  layerNorm: { readonly epsilon: number };
};

export type OpKind = keyof OpAttributes;
