/** A row as its file has it, before it is checked; `row` counts from 0 within the file. */
export type RawRow = { readonly row: number } & (
  | { readonly kind: 'fields'; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: 'unreadable'; readonly problem: string }
);

/** The columns that a sample is made of. `image` and `images` are the same. */
export const columnNames = [
  'id',
  'image',
  'images',
  'source',
  'problem',
  'solution',
  'accepted',
  'demonstration',
] as const;

export const requiredColumns = ['problem', 'solution'] as const;
