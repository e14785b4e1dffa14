/** How the columns of a data set are named: which of them make a training sample. */
import { z } from 'zod';
import { modalities } from '../core/modality.ts';

const text = z.string('is no text: put it in quotes').min(1);

/** Name of a column. */
export const columnField = text.describe('Name of a column');

export const patternField = text.refine(isPattern, 'a regular expression');

/** A column, or a part of one: the pattern's first group, else the whole match. */
export const fieldSchema = z.union([
  columnField,
  z.strictObject({
    column: columnField,
    pattern: patternField.describe(
      'Regular expression of the part that counts: its first group, else the whole match',
    ),
  }),
]);
export type Field = z.output<typeof fieldSchema>;

const tag = z.enum(modalities);

const modalitySchema = z.union([
  columnField,
  z.strictObject({
    column: columnField,
    values: z
      .record(z.string(), tag)
      .default({})
      .describe('Tag of each value that is none itself, e.g. {chest film: X_RAY}'),
  }),
  z.strictObject({ constant: tag.describe('The tag of every row') }),
]);

export const columnsSection = z.strictObject({
  question: fieldSchema
    .default('problem')
    .describe('Column of the question, or {column, pattern} for a part of it'),
  answer: fieldSchema
    .default('solution')
    .describe(
      'Column of the right answer, or {column, pattern} for a part of it; it begins with the modality tag unless data.columns.modality says where the modality is',
    ),
  images: z
    .union([columnField, z.array(columnField).min(1)])
    .default(['image', 'images'])
    .describe(
      'Column of the images, or several: paths, bytes, base64, {bytes, path}, or lists of these',
    ),
  modality: modalitySchema
    .nullable()
    .default(null)
    .describe(
      'Column of the modality, {column, values} with the tag of each value, or {constant: CT_SCAN} for all rows; null: the answer begins with its tag',
    ),
  id: columnField
    .default('id')
    .describe('Column of the ids; rows without one are named after their file and number'),
  source: columnField.default('source').describe('Column that names where a row comes from'),
  accepted: columnField
    .default('accepted')
    .describe('Column of further right answers: a list, or the text of one'),
  rubric: columnField
    .default('rubric')
    .describe(
      'Column of the rubric of an answer, if there is one: a list of {criterion, points}, or the same as JSON text',
    ),
  reading: columnField
    .default('reading')
    .describe(
      'Column of what can be read off the images, in words, if there is one; the component reading of a reward compares thinking with it',
    ),
  demonstration: columnField
    .default('demonstration')
    .describe('Column of the completion that fine-tuning imitates'),
});
/** How the columns of a data set are named. */
export type SampleColumns = z.output<typeof columnsSection>;

function isPattern(source: string): boolean {
  try {
    new RegExp(source, 's');
    return true;
  } catch {
    return false;
  }
}
