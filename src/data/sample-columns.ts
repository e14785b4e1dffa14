/** Which columns make a training sample, where no column says so by its public name. */
import { columnsSection, type SampleColumns } from '../config/columns-config.ts';
import { fail } from '../core/errors.ts';
import { listed } from '../core/quoted.ts';
import { rasterFormat } from '../image/image-name.ts';
import { imageEntry, imagesIn } from '../image/named-image.ts';
import type { DataFile } from './data-file.ts';
import { columnOf } from './field.ts';
import type { ChooseColumns, ChosenColumns, RawRow } from './raw-row.ts';

/** The names of the public schema of MediX-R1. */
export const publicColumns: SampleColumns = columnsSection.parse({});

/** The columns that may hold a sample's images. */
export function imageColumnsOf({ images }: SampleColumns): readonly string[] {
  return typeof images === 'string' ? [images] : images;
}

/** All columns that a sample is made of. */
function columnNamesOf(columns: SampleColumns): string[] {
  const { question, answer, modality, id, source, accepted, rubric, reading, demonstration } =
    columns;
  const asked = [columnOf(question), columnOf(answer)];
  const names = [...asked, id, source, accepted, rubric, reading, demonstration];
  return [...new Set([...names, ...imageColumnsOf(columns), ...modalityColumns(modality)])];
}

function modalityColumns(modality: SampleColumns['modality']): string[] {
  if (modality === null || typeof modality === 'string') return modality === null ? [] : [modality];
  return 'column' in modality ? [modality.column] : [];
}

/** The columns that a data set must have: question, answer, and all that were named otherwise than in public. */
function requiredColumnsOf(columns: SampleColumns): string[] {
  const known = columnNamesOf(publicColumns);
  const always = [columnOf(columns.question), columnOf(columns.answer)];
  return [
    ...new Set([...always, ...columnNamesOf(columns).filter((name) => !known.includes(name))]),
  ];
}

/** @returns what chooses the columns of a sample, and throws a MedixError where one is missing */
export function chooseColumnsOf(columns: SampleColumns): ChooseColumns {
  const names = columnNamesOf(columns);
  const images = imageColumnsOf(columns);
  return (file, present): ChosenColumns => {
    requireColumns(file, columns, present);
    const known = names.filter((name) => present.includes(name));
    if (images.some((name) => known.includes(name))) return { read: known, images };
    // Without a column of images, whoever checks the rows wants to know whether another one holds them.
    const others = present.filter((name) => !known.includes(name));
    return { read: [...known, ...others], images: [...images, ...others] };
  };
}

/** @throws MedixError 'data' with the columns that are missing and those that are there */
function requireColumns(
  { name: where }: Pick<DataFile, 'name'>,
  columns: SampleColumns,
  present: readonly string[],
): void {
  const required = requiredColumnsOf(columns);
  const missing = required.filter((name) => !present.includes(name));
  if (missing.length === 0) return;
  fail('data', {
    where,
    expected: `the columns ${required.join(' and ')}`,
    got: `no ${missing.join(' and no ')}; its columns are ${listed(present)}`,
    next: 'say with data.columns which columns hold what, e.g. data.columns.question=NAME, or rename the columns',
  });
}

/**
 * Watches for columns that were named and that no row of a file has: rows of JSON may have different ones, so that
 * none is missing before the last.
 */
export function unseenColumns(file: Pick<DataFile, 'name' | 'format'>, columns: SampleColumns) {
  const known = columnNamesOf(publicColumns);
  const unseen = new Set(requiredColumnsOf(columns).filter((name) => !known.includes(name)));
  let first: readonly string[] | undefined;
  return {
    look: (raw: RawRow): void => {
      if (raw.kind === 'unreadable') return;
      first ??= Object.keys(raw.fields);
      for (const name of unseen) if (Object.hasOwn(raw.fields, name)) unseen.delete(name);
    },
    /** @throws MedixError 'data' with the columns that the first row has */
    requireNone: (): void => {
      if (first === undefined || unseen.size === 0) return;
      requireColumns(
        file,
        columns,
        [...first].filter((name) => !unseen.has(name)),
      );
    },
  };
}

/** The name of a column that is not read and seems to hold images, by its name or by what it holds. */
export function imageLikeColumn(
  fields: Readonly<Record<string, unknown>>,
  columns: SampleColumns,
): string | undefined {
  const known = columnNamesOf(columns);
  return Object.entries(fields).find(
    ([name, value]) => !known.includes(name) && looksLikeImages(name, value),
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
