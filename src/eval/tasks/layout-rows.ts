/** Rows of a task's files, each with the layout that its columns fit; other columns are not read. */
import { fail } from '../../core/errors.ts';
import { listed } from '../../core/quoted.ts';
import type { DataFile } from '../../data/data-file.ts';
import { type Fields, textOf } from '../../data/field.ts';
import { readJson } from '../../data/json-array.ts';
import type { RawRow } from '../../data/raw-row.ts';
import { readRows } from '../../data/rows-of-file.ts';
import type { Layout } from './task-schema.ts';

export type LayoutRow = { readonly row: number } & (
  | { readonly kind: 'fields'; readonly fields: Fields; readonly layout: Layout }
  /** A row that cannot be read, or that fits no layout. */
  | {
      readonly kind: 'unfit';
      readonly cause: 'malformed' | 'missing-column';
      readonly problem: string;
    }
);

/**
 * Rows that their layout's `where` leaves out are passed over.
 *
 * @param wanted names the columns to read of a layout beside those of `where`; by default all
 * @throws MedixError where a file is damaged, or a parquet, CSV or TSV file fits no layout
 */
export async function* readLayoutRows(
  file: DataFile,
  layouts: readonly Layout[],
  signal: AbortSignal,
  wanted: (layout: Layout) => readonly string[] = ({ columns, optional }) => [
    ...columns,
    ...optional,
  ],
): AsyncGenerator<LayoutRow> {
  if (file.format === 'jsonl' || file.format === 'json') {
    // On the hub, many a .json file is JSON Lines, and some .jsonl files are arrays.
    for await (const raw of readJson(file, signal)) {
      const row = withLayout(raw, layouts);
      if (belongs(row)) yield row;
    }
    return;
  }
  let layout: Layout | undefined;
  const choose = (_: DataFile, present: readonly string[]) => {
    const fitting = fittingLayout(layouts, (name) => present.includes(name));
    if (!fitting) return failUnfit(file, layouts, present);
    layout = fitting;
    const names = new Set([...wanted(fitting), ...Object.keys(fitting.where)]);
    const read = present.filter((name) => names.has(name));
    return { read, images: fitting.images?.columns ?? [] };
  };
  for await (const raw of readRows(file, choose, signal)) {
    const row: LayoutRow =
      layout && raw.kind === 'fields'
        ? { kind: 'fields', row: raw.row, fields: raw.fields, layout }
        : withLayout(raw, layouts);
    if (belongs(row)) yield row;
  }
}

function belongs(row: LayoutRow): boolean {
  if (row.kind === 'unfit') return true;
  const { where } = row.layout;
  return Object.entries(where).every(([column, value]) => textOf(row.fields[column]) === value);
}

function withLayout(raw: RawRow, layouts: readonly Layout[]): LayoutRow {
  const { row } = raw;
  if (raw.kind === 'unreadable') {
    return { kind: 'unfit', row, cause: 'malformed', problem: raw.problem };
  }
  const { fields } = raw;
  const layout = fittingLayout(layouts, (name) => Object.hasOwn(fields, name));
  if (layout) return { kind: 'fields', row, fields, layout };
  const problem = lacking(layouts, Object.keys(fields));
  return { kind: 'unfit', row, cause: 'missing-column', problem };
}

function fittingLayout(
  layouts: readonly Layout[],
  has: (column: string) => boolean,
): Layout | undefined {
  return layouts.find(({ columns }) => columns.every(has));
}

/** What the layout that comes closest lacks. */
function lacking(layouts: readonly Layout[], present: readonly string[]): string {
  const missing = layouts
    .map(({ columns }) => columns.filter((name) => !present.includes(name)))
    .reduce((closest, names) => (names.length < closest.length ? names : closest));
  return `no ${missing.join(' and no ')}; its columns are ${listed(present)}`;
}

function failUnfit(file: DataFile, layouts: readonly Layout[], present: readonly string[]): never {
  return fail('data', {
    where: file.name,
    expected: `the columns ${layouts.map(({ columns }) => columns.join(', ')).join('; or ')}`,
    got: lacking(layouts, present),
    next: 'point the task to another file, or describe this file in your own task file',
  });
}
