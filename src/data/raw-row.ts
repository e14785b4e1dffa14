import { rasterFormat } from '../image/image-name.ts';
import { imageEntry, imagesIn } from '../image/named-image.ts';

/** A row as its file has it, before it is checked; `row` counts from 0 within the file. */
export type RawRow = { readonly row: number } & (
  | { readonly kind: 'fields'; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: 'unreadable'; readonly problem: string }
);

/** The columns of a sample's images; both are the same. */
export const imageColumns = ['image', 'images'] as const;

/** The columns that a sample is made of. */
export const columnNames: readonly string[] = [
  'id',
  ...imageColumns,
  'source',
  'problem',
  'solution',
  'accepted',
  'rubric',
  'demonstration',
];

export const requiredColumns = ['problem', 'solution'] as const;

/** The name of a column that is not read and seems to hold images, by its name or by what it holds. */
export function imageLikeColumn(fields: Readonly<Record<string, unknown>>): string | undefined {
  return Object.entries(fields).find(
    ([name, value]) => !columnNames.includes(name) && looksLikeImages(name, value),
  )?.[0];
}

const imageWord =
  /(?:^|[^a-z])(?:image|img|picture|photo|pixel|scan|slide|figure|x-?ray|dicom)s?(?:[^a-z]|$)/i;
const imageEnding = /\.(?:png|jpe?g|gif|webp|tiff?|bmp|jp2|heic|avif|dcm|nii(?:\.gz)?)$/i;

function looksLikeImages(name: string, value: unknown): boolean {
  const items = imagesIn(value);
  const isNamedSo = imageWord.test(name.replaceAll(/([a-z])(?=[A-Z])/g, '$1 '));
  return items.some((item) => {
    const entry = imageEntry(item);
    if (entry.kind === 'bytes') return isNamedSo || rasterFormat(entry.bytes) !== undefined;
    if (entry.kind === 'path') return isNamedSo || imageEnding.test(entry.path.trim());
    return isNamedSo && entry.kind === 'other' && typeof item === 'object';
  });
}
