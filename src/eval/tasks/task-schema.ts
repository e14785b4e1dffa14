/**
 * What an evaluation task is: a YAML file that says where rows come from, how a row becomes a question
 * with a reference, and what may be done with it. Knows nothing about models and judges.
 */
import { z } from 'zod';
import { columnField, fieldSchema, patternField } from '../../config/columns-config.ts';
import { taskKinds } from '../results/records.ts';

const text = z.string('is no text: put it in quotes').min(1);
const column = columnField;

const choicesSchema = z.union([
  /** One column a choice; an empty one is no choice. */
  z.strictObject({ columns: z.array(column).min(2) }),
  /** A list, an object keyed by letter, or the text of a Python or JSON list. */
  z.strictObject({ column }),
  /** The same choices for every row. */
  z.strictObject({ fixed: z.array(text).min(2).max(26) }),
]);
export type ChoicesRule = z.output<typeof choicesSchema>;

const referenceSchema = z.union([
  /** The answer itself. Beside choices it must be one of them, or else the letter of one. */
  z.strictObject({ text: fieldSchema }),
  /** The letter of a choice; in rows without choices the answer itself. A list literal gives several. */
  z.strictObject({ letter: column }),
  /** The number of a choice. `detect` reads all rows first to learn whether they count from 0 or 1. */
  z.strictObject({
    index: column,
    from: z.union([z.literal(0), z.literal(1), z.literal('detect')]),
  }),
]);
export type ReferenceRule = z.output<typeof referenceSchema>;

const imagesSchema = z.strictObject({
  columns: z
    .array(column)
    .min(1)
    .describe('Embedded bytes, {bytes, path}, a path, or lists of these'),
  folder: text
    .optional()
    .describe('Subfolder of the image root to which paths are relative, if it exists'),
  /** `tail`: a path or URL of which only the end exists below the image root. */
  match: z.enum(['path', 'tail']).default('path'),
  archive: text
    .optional()
    .describe('Archive that the user has to unpack as image root; shown in messages'),
});
export type ImagesRule = z.output<typeof imagesSchema>;

const layoutSchema = z.strictObject({
  columns: z.array(column).min(1).describe('Columns that every row must have'),
  optional: z.array(column).default([]).describe('Columns that are used where they exist'),
  where: z
    .record(column, text)
    .default({})
    .describe('Values that a row must have to belong to the task'),
  question: text.describe('Jinja template over the columns; `row` holds all of them'),
  choices: choicesSchema.optional(),
  reference: referenceSchema,
  images: imagesSchema.optional(),
  /** What several samples share: their images, a column's value (e.g. the patient), or nothing. */
  cluster: z.union([
    z.enum(['image', 'row']),
    z.strictObject({ column, pattern: patternField.optional() }),
  ]),
  subgroups: z.record(text, fieldSchema).default({}),
});
export type Layout = z.output<typeof layoutSchema>;

const sourceSchema = z.union([
  z.strictObject({
    hub: z.string().regex(/^[\w.-]+\/[\w.-]+$/, 'owner/name of a Hugging Face data set'),
    /** Folders of the data set; several are read one after the other. */
    config: z.union([text, z.array(text).min(1)]).nullable(),
    split: text,
    /** Null: resolved at the first download and kept with the downloaded files. */
    revision: z
      .string()
      .regex(/^[0-9a-f]{40}$/, 'a commit of 40 hexadecimal digits')
      .nullable(),
  }),
  z.strictObject({ path: text.describe('File or folder, relative to the task file') }),
]);

/** A template that needs no newline around its tags, since Jinja takes those away. */
const defaultChoiceTemplate =
  '{{ question }}\n\nChoices:{% for choice in choices %}{{ "\\n" }}{{ choice.letter }}. {{ choice.text }}{% endfor %}';

/** A task file field by field; how its parts must fit together is checked by `task-checks.ts`. */
export const taskFields = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9_]*$/, 'lower-case letters, digits and underscores'),
  title: text,
  input: z.enum(['text', 'image']).describe('Whether the questions come with images'),
  kind: z.union([
    z.enum(taskKinds),
    /** `closed` where the reference is yes or no, else `open`. */
    z.literal('by-answer'),
    z.strictObject({ column, values: z.record(text, z.enum(taskKinds)) }),
  ]),
  source: sourceSchema,
  rows: z
    .int()
    .positive()
    .nullable()
    .describe('Expected number of samples; null if no source states it'),
  licence: text.nullable().describe('Licence as the source states it; null if it states none'),
  access: z.enum(['public', 'credentialed', 'private']),
  rubric: z.enum(['binary', 'report-0-5']),
  choiceTemplate: text.default(defaultChoiceTemplate),
  layouts: z
    .array(layoutSchema)
    .min(1)
    .describe('Layouts of rows; the first whose columns a row has is used'),
  corrects: z
    .array(text)
    .default([])
    .describe('Where the task deviates from arXiv 2602.23363, and why'),
});

export type TaskFile = z.output<typeof taskFields>;

/** A task as it was opened. */
export type Task = TaskFile & {
  /** Path of its file. */
  readonly file: string;
  /** Hexadecimal SHA-256 of what the file says, comments and order of keys aside. */
  readonly digest: string;
};
