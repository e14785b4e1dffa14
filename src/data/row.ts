import { basename } from 'node:path';
import { z } from 'zod';
import type { Field, SampleColumns } from '../config/columns-config.ts';
import { messageOf } from '../core/errors.ts';
import { isModality, type Modality, modalities } from '../core/modality.ts';
import { nameOf, oneLine, quoted } from '../core/quoted.ts';
import type { ImageFile, Sample } from '../core/sample.ts';
import { imagesIn, readNamedImage } from '../image/named-image.ts';
import type { DataFile } from './data-file.ts';
import { columnOf, type Fields, readField, textOf } from './field.ts';
import { countImageMarks, imageMark } from './image-marks.ts';
import { parseListLiteral } from './list-literal.ts';
import type { RawRow } from './raw-row.ts';
import { rubricColumn } from './rubric.ts';
import { imageColumnsOf, imageLikeColumn, publicColumns } from './sample-columns.ts';

export type RejectedRow = {
  readonly kind: 'rejected';
  readonly id: string;
  readonly file: string;
  /** From 0, within the file. */
  readonly row: number;
  /** `untagged`: neither its solution nor its column of modalities names one of the 16. */
  readonly cause: 'untagged' | 'malformed';
  readonly problem: string;
};

export type ReadOutcome = { readonly kind: 'sample'; readonly sample: Sample } | RejectedRow;

export type RowReading = {
  /** How its columns are named. @default as in the public schema */
  readonly columns?: SampleColumns;
  /** Folder of images that rows name by path. @default the folder of the rows' file */
  readonly imageRoot?: string;
  /**
   * True: a row with images is rejected, and a solution needs no tag, for it has no modality. False: so is a row whose images seem to be in a column that is not
   * read. @default neither is looked at
   */
  readonly textOnly?: boolean;
  /** `checked`: of images that are files only the beginning is read. @default whole ones are read */
  readonly images?: 'read' | 'checked';
};

const wrong = (expected: string) => ({
  error: ({ input }: { readonly input?: unknown }) =>
    input === undefined ? 'is missing' : `is ${nameOf(input)}, not ${expected}`,
});
const text = () => z.string(wrong('text'));

/** Numbers that stand for more than one id are none. */
const idSchema = z.union(
  [
    z.string(),
    z.bigint(),
    z.number().refine((id) => !Number.isInteger(id) || Number.isSafeInteger(id)),
  ],
  wrong('a text or an exact number'),
);

const rowSchema = z.object({
  id: idSchema.nullish(),
  source: text().nullish(),
  problem: text().trim().min(1, 'is empty'),
  solution: text(),
  accepted: z.array(text(), wrong('a list of texts')).nullish(),
  rubric: rubricColumn.nullish(),
  reading: text().nullish(),
  demonstration: text().nullish(),
});

/**
 * Checks a row and makes a sample of it. Rows without an id are named after their file and number. Images
 * are files of a known format by their first bytes; whether they are whole shows when they are decoded.
 */
export async function toOutcome(
  file: DataFile,
  raw: RawRow,
  reading: RowReading = {},
): Promise<ReadOutcome> {
  const { row } = raw;
  const unnamed = `${basename(file.name)}#${row}`;
  const reject = (id: string, cause: RejectedRow['cause'], problem: string): RejectedRow => {
    return { kind: 'rejected', id, file: file.name, row, cause, problem };
  };
  if (raw.kind === 'unreadable') return reject(unnamed, 'malformed', raw.problem);
  const { fields } = raw;
  const { columns = publicColumns } = reading;
  const id = String(idSchema.safeParse(fields[columns.id]).data ?? unnamed);

  const parsed = rowSchema.safeParse(partsOf(fields, columns));
  if (!parsed.success) {
    return reject(id, 'malformed', messageOf(withColumnNames(parsed.error, columns)));
  }
  const { source, problem, solution, accepted, rubric, reading: seen, demonstration } = parsed.data;

  const read =
    columns.modality === null
      ? readSolution(solution, reading)
      : readModality(fields, columns.modality, solution, reading);
  if (read.kind === 'problem') return reject(id, read.cause, read.problem);

  const images = await readImages(file, fields, reading);
  if (images.kind === 'problem') return reject(id, 'malformed', images.problem);
  const { files } = images;
  const misplaced = problemOfMarks(problem, files.length);
  if (misplaced !== undefined) return reject(id, 'malformed', misplaced);
  const base = { id, source: source ?? '', images: files, problem, ...read.truth };
  const sample = {
    ...base,
    accepted: accepted ?? [],
    ...(rubric ? { rubric } : {}),
    ...(seen ? { reading: seen } : {}),
    ...(demonstration ? { demonstration } : {}),
  };
  return { kind: 'sample', sample };
}

/** A row's values by what they are for. */
function partsOf(fields: Fields, columns: SampleColumns) {
  return {
    id: fields[columns.id],
    source: fields[columns.source],
    problem: fieldText(fields, columns.question),
    solution: fieldText(fields, columns.answer),
    accepted: listOf(fields[columns.accepted]),
    rubric: fields[columns.rubric],
    reading: fields[columns.reading],
    demonstration: fields[columns.demonstration],
  };
}

/** A number stands for its digits; anything else is told as it is. */
function fieldText(fields: Fields, field: Field): unknown {
  if (typeof field !== 'string') return readField(fields, field);
  const value = fields[field];
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  return isNumber ? (textOf(value) ?? value) : value;
}

/** A list, also where it is written as text. */
function listOf(value: unknown): unknown {
  const list = typeof value === 'string' ? parseListLiteral(value) : undefined;
  return list ?? value;
}

/** What is wrong stands under the names that the user knows. */
function withColumnNames(error: z.ZodError, columns: SampleColumns): z.ZodError {
  const names = new Map<PropertyKey, string>([
    ['id', columns.id],
    ['source', columns.source],
    ['problem', columnOf(columns.question)],
    ['solution', columnOf(columns.answer)],
    ['accepted', columns.accepted],
    ['rubric', columns.rubric],
    ['reading', columns.reading],
    ['demonstration', columns.demonstration],
  ]);
  const issues = error.issues.map((issue) => {
    const [part, ...rest] = issue.path;
    return part === undefined ? issue : { ...issue, path: [names.get(part) ?? part, ...rest] };
  });
  return new z.ZodError(issues);
}

type SolutionOutcome =
  | { readonly kind: 'read'; readonly truth: Pick<Sample, 'modality' | 'referenceAnswer'> }
  | {
      readonly kind: 'problem';
      readonly cause: RejectedRow['cause'];
      readonly problem: string;
    };

function readSolution(solution: string, { textOnly }: RowReading): SolutionOutcome {
  const [, tag, tagged = ''] = /^\s*<([^<>\s]+)>\s*([\s\S]*?)\s*$/.exec(solution) ?? [];
  const modality = tag !== undefined && isModality(tag) ? { modality: tag } : undefined;
  if (modality === undefined && (tag !== undefined || textOnly !== true)) {
    const problem = `solution ${quoted(solution, 60)} does not start with a known tag`;
    return { kind: 'problem', cause: 'untagged', problem };
  }
  const referenceAnswer = modality === undefined ? solution.trim() : tagged;
  if (referenceAnswer === '') {
    const problem = `solution ${oneLine(solution.trim(), 60)} has no answer`;
    return { kind: 'problem', cause: 'malformed', problem };
  }
  return { kind: 'read', truth: { ...modality, referenceAnswer } };
}

/** The answer is taken as it is; the modality comes from elsewhere. */
function readModality(
  fields: Fields,
  rule: NonNullable<SampleColumns['modality']>,
  solution: string,
  { textOnly }: RowReading,
): SolutionOutcome {
  const referenceAnswer = solution.trim();
  if (referenceAnswer === '') {
    return { kind: 'problem', cause: 'malformed', problem: 'the answer is empty' };
  }
  const given = typeof rule === 'string' ? { column: rule, values: {} } : rule;
  if ('constant' in given)
    return { kind: 'read', truth: { modality: given.constant, referenceAnswer } };
  const value = textOf(fields[given.column]);
  const modality = value === undefined ? undefined : modalityNamed(value, given.values);
  if (modality !== undefined) return { kind: 'read', truth: { modality, referenceAnswer } };
  if (value === undefined && textOnly === true) return { kind: 'read', truth: { referenceAnswer } };
  const what = value === undefined ? 'no value' : quoted(value, 60);
  const problem = `${oneLine(given.column, 60)}: ${what} is none of the 16 modalities, nor a value that data.columns.modality names`;
  return { kind: 'problem', cause: 'untagged', problem };
}

/** `CT scan`, `ct-scan` and `<CT_SCAN>` are the tag CT_SCAN. */
function modalityNamed(
  value: string,
  values: Readonly<Record<string, Modality>>,
): Modality | undefined {
  if (Object.hasOwn(values, value)) return values[value];
  const tag = value
    .replace(/^<(.*)>$/, '$1')
    .toUpperCase()
    .replaceAll(/[\s-]+/g, '_');
  return isModality(tag) ? tag : undefined;
}

/** The 16 modality tags, written as in a solution. */
export const tagList = modalities.map((modality) => `<${modality}>`).join(' ');

type RowImages =
  | { readonly kind: 'images'; readonly files: readonly ImageFile[] }
  | { readonly kind: 'problem'; readonly problem: string };

async function readImages(
  file: DataFile,
  fields: Fields,
  { imageRoot = file.folder, textOnly, columns = publicColumns, images = 'read' }: RowReading,
): Promise<RowImages> {
  const named = imageColumnsOf(columns);
  const entries = named.flatMap((column) => imagesIn(listOf(fields[column])));
  const extent = images === 'checked' ? 'head' : 'whole';
  // To wait for nothing takes its time where a million rows have no images.
  const read =
    entries.length === 0
      ? []
      : await Promise.all(entries.map((entry) => readNamedImage(entry, imageRoot, extent)));
  const files: ImageFile[] = [];
  for (const one of read) {
    if (one.kind !== 'image') return { kind: 'problem', problem: `image: ${one.problem}` };
    files.push(one.image);
  }
  if (textOnly === true && files.length > 0) {
    return { kind: 'problem', problem: `${files.length} images, and data.textOnly is true` };
  }
  const unread =
    textOnly === false && files.length === 0 ? imageLikeColumn(fields, columns) : undefined;
  if (unread === undefined) return { kind: 'images', files };
  const problem = `no image in ${named.join(' or ')}, but something like one in ${oneLine(unread, 60)}: name the column with data.columns.images, or set data.textOnly to true`;
  return { kind: 'problem', problem };
}

/** As in the data of EasyR1: either no mark, or one for each image. */
function problemOfMarks(problem: string, images: number): string | undefined {
  const marks = countImageMarks(problem);
  if (marks === 0 || marks === images) return undefined;
  return `problem: ${marks} marks ${imageMark}, but ${images} images`;
}
