/** Where each usable row of a data set lies: 16 bytes a row, so that millions of rows stay on disk. */
import { defined } from '../core/errors.ts';
import type { RowPlace } from './raw-row.ts';

export type IndexedRow = {
  /** Place of its file among those of the data set. */
  readonly file: number;
  /** Number within the file. */
  readonly row: number;
  readonly place: RowPlace;
};

export type RowIndex = {
  readonly size: () => number;
  /** Rows come file after file. */
  readonly add: (entry: IndexedRow) => void;
  readonly at: (index: number) => IndexedRow;
};

/** Rows of one piece: the index grows without being copied. */
const pieceRows = 2 ** 14;

export function createRowIndex(): RowIndex {
  const pieces: {
    readonly rows: Uint32Array;
    readonly starts: Float64Array;
    readonly lengths: Uint32Array;
  }[] = [];
  /** Index of each file's first row. */
  const firsts: number[] = [];
  let size = 0;
  return {
    size: () => size,
    add: ({ file, row, place }) => {
      while (firsts.length <= file) firsts.push(size);
      const at = size % pieceRows;
      if (at === 0) {
        pieces.push({
          rows: new Uint32Array(pieceRows),
          starts: new Float64Array(pieceRows),
          lengths: new Uint32Array(pieceRows),
        });
      }
      const { rows, starts, lengths } = defined(pieces.at(-1), 'piece of the index');
      rows[at] = row;
      starts[at] = place.start;
      lengths[at] = place.length;
      size++;
    },
    at: (index) => {
      const piece = defined(pieces[Math.floor(index / pieceRows)], `row ${index} of the index`);
      const at = index % pieceRows;
      const number = (values: Uint32Array | Float64Array) => defined(values[at], `row ${index}`);
      return {
        file: firsts.findLastIndex((first) => first <= index),
        row: number(piece.rows),
        place: { start: number(piece.starts), length: number(piece.lengths) },
      };
    },
  };
}
