import type { DataFile } from './data-file.ts';

/** A row as its file has it, before it is checked; `row` counts from 0 within the file. */
export type RawRow = { readonly row: number } & (
  | { readonly kind: 'fields'; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: 'unreadable'; readonly problem: string }
);

/** Where a row lies in its file: its bytes, or in a parquet file its number and no length. */
export type RowPlace = { readonly start: number; readonly length: number };

export type PlacedRow = { readonly raw: RawRow; readonly place: RowPlace };

/** The rows of one file. */
export type RowsOfFile = {
  /** All of them, in order. */
  scan(): AsyncGenerator<PlacedRow>;
  /** One that `scan` gave, read again. Not to be called again before it has settled. */
  at(row: number, place: RowPlace): Promise<RawRow>;
  /** Lets go of what was kept for the next call of `at`. */
  release(): void;
};

export type ChosenColumns = {
  /** Columns to read of those that a file has. */
  readonly read: readonly string[];
  /** Those of them whose bytes are images; in all others bytes are text. */
  readonly images: readonly string[];
};

/** Throws a MedixError where a column is missing. */
export type ChooseColumns = (file: DataFile, present: readonly string[]) => ChosenColumns;
