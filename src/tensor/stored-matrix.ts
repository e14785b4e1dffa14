/**
 * A frozen matrix [rows, columns] as 8-bit integers in a file: element [r, c] is scale[r] · integer. The file
 * holds it twice, since the runtime's integer product reads its right side in one orientation only and packs
 * it once, when a program is compiled.
 */
export type StoredMatrix = {
  /** Absolute path. Programs are compiled in its folder, which must be writable. */
  readonly file: string;
  readonly rows: number;
  readonly columns: number;
  /** [rows] */
  readonly scales: Float32Array;
  /** Byte offset of the integers as [columns, rows], for products with vectors of `columns` elements. */
  readonly forward: number;
  /** Byte offset of the integers as [rows, columns], for the products that gradients need. */
  readonly backward: number;
};

/** Largest integer; the smallest is its negative, so that no zero point is needed. */
export const largestInteger = 127;
