import { columnsOf, textTable } from '../eval/reports/table.ts';

/** Rows of cells as lines: the first column to the left, the others to the right, below a ruled head. */
export function formatTable(
  [first = '', ...others]: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  return textTable({ columns: columnsOf(first, ...others.map((title) => `>${title}`)), rows });
}
