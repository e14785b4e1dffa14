/**
 * Rows of a training set, of whatever schema: only questions and images matter here, so neither tags nor
 * answers are asked for.
 */
import type { HubAccess } from '../../config/environment.ts';
import { fail } from '../../core/errors.ts';
import { listed } from '../../core/quoted.ts';
import type { DataFile } from '../../data/data-file.ts';
import { textOf } from '../../data/field.ts';
import { locate } from '../../data/locate.ts';
import type { ChosenColumns, RawRow } from '../../data/raw-row.ts';
import { readRows } from '../../data/rows-of-file.ts';
import { type LoadedImage, loadImages } from '../tasks/images.ts';
import { RowProblem } from '../tasks/sample.ts';

export type TrainingRow =
  | {
      readonly kind: 'row';
      /** File and number, for people. */
      readonly place: string;
      /** Empty where the row has none. */
      readonly question: string;
      readonly images: readonly LoadedImage[];
      /** Why images of the row could not be compared. */
      readonly imageProblem?: string;
    }
  | { readonly kind: 'rejected'; readonly cause: string };

/** The first of these that a file has holds the question. */
const questionColumns = ['problem', 'question', 'prompt', 'instruction'] as const;
/** All of these hold images. */
const imageColumns = ['image', 'images', 'img'] as const;

/**
 * @param location as for training: file, folder, `folder@split`, or `owner/name@split` of a hub
 * @throws MedixError where nothing is found, or a file is damaged or has neither questions nor images
 */
export async function* readTrainingRows(
  location: string,
  hub: HubAccess,
  signal: AbortSignal,
): AsyncGenerator<TrainingRow> {
  for await (const file of locate(location, hub)) {
    for await (const raw of readRows(file, chooseColumns, signal)) {
      signal.throwIfAborted();
      yield await toTrainingRow(file, raw);
    }
  }
}

function chooseColumns(file: DataFile, present: readonly string[]): ChosenColumns {
  const question = questionColumns.find((name) => present.includes(name));
  const read = [question ?? [], imageColumns.filter((name) => present.includes(name))].flat();
  if (read.length > 0) return { read, images: imageColumns };
  return fail('data', {
    where: file.name,
    expected: `a question (${questionColumns.join(', ')}) or images (${imageColumns.join(', ')})`,
    got: `the columns ${listed(present)}`,
    next: 'rename the column',
  });
}

async function toTrainingRow(file: DataFile, raw: RawRow): Promise<TrainingRow> {
  if (raw.kind === 'unreadable') return { kind: 'rejected', cause: 'unreadable' };
  const { fields } = raw;
  const column = questionColumns.find((name) => fields[name] !== undefined);
  const question = (column && textOf(fields[column])) ?? '';
  const place = `${file.name}: row ${raw.row}`;
  const columns = imageColumns.filter((name) => hasImages(fields[name]));
  if (columns.length === 0) {
    if (question === '') return { kind: 'rejected', cause: 'neither-question-nor-image' };
    return { kind: 'row', place, question, images: [] };
  }
  try {
    const images = await loadImages({ columns, match: 'path' }, fields, file.folder);
    return { kind: 'row', place, question, images };
  } catch (error) {
    if (!(error instanceof RowProblem)) throw error;
    return { kind: 'row', place, question, images: [], imageProblem: error.rejection };
  }
}

function hasImages(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null;
}
