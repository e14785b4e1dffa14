import { basename } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../core/errors.ts';
import { isModality, modalities } from '../core/modality.ts';
import { nameOf, oneLine, quoted } from '../core/quoted.ts';
import type { ImageFile, Sample } from '../core/sample.ts';
import { imagesIn, readNamedImage } from '../image/named-image.ts';
import type { DataFile } from './data-file.ts';
import { countImageMarks, imageMark } from './image-marks.ts';
import { imageColumns, imageLikeColumn, type RawRow } from './raw-row.ts';
import { rubricColumn } from './rubric.ts';

export type RejectedRow = {
  readonly kind: 'rejected';
  readonly id: string;
  readonly file: string;
  /** From 0, within the file. */
  readonly row: number;
  /** `untagged`: the solution does not start with one of the 16 tags. */
  readonly cause: 'untagged' | 'malformed';
  readonly problem: string;
};

export type ReadOutcome = { readonly kind: 'sample'; readonly sample: Sample } | RejectedRow;

export type RowReading = {
  /** Folder of images that rows name by path. @default the folder of the rows' file */
  readonly imageRoot?: string;
  /**
   * True: a row with images is rejected, and a solution needs no tag, for it has no modality. False: so is a row whose images seem to be in a column that is not
   * read. @default neither is looked at
   */
  readonly textOnly?: boolean;
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
  const id = String(idSchema.safeParse(fields['id']).data ?? unnamed);

  const parsed = rowSchema.safeParse(fields);
  if (!parsed.success) return reject(id, 'malformed', messageOf(parsed.error));
  const { source, problem, solution, accepted, rubric, demonstration } = parsed.data;

  const read = readSolution(solution, reading);
  if (read.kind === 'problem') return reject(id, read.cause, read.problem);

  const images = await readImages(file, fields, reading);
  if (images.kind === 'problem') return reject(id, 'malformed', images.problem);
  const { files } = images;
  const misplaced = problemOfMarks(problem, files.length);
  if (misplaced !== undefined) return reject(id, 'malformed', misplaced);
  const base = { id, source: source ?? '', images: files, problem, ...read.truth };
  const sample = { ...base, accepted: accepted ?? [], ...(rubric ? { rubric } : {}) };
  return { kind: 'sample', sample: demonstration ? { ...sample, demonstration } : sample };
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

/** The 16 modality tags, written as in a solution. */
export const tagList = modalities.map((modality) => `<${modality}>`).join(' ');

type RowImages =
  | { readonly kind: 'images'; readonly files: readonly ImageFile[] }
  | { readonly kind: 'problem'; readonly problem: string };

async function readImages(
  file: DataFile,
  fields: Readonly<Record<string, unknown>>,
  { imageRoot = file.folder, textOnly }: RowReading,
): Promise<RowImages> {
  const entries = imageColumns.flatMap((column) => imagesIn(fields[column]));
  const read = await Promise.all(entries.map((entry) => readNamedImage(entry, imageRoot)));
  const files: ImageFile[] = [];
  for (const named of read) {
    if (named.kind !== 'image') return { kind: 'problem', problem: `image: ${named.problem}` };
    files.push(named.image);
  }
  if (textOnly === true && files.length > 0) {
    return { kind: 'problem', problem: `${files.length} images, and data.textOnly is true` };
  }
  const unread = textOnly === false && files.length === 0 ? imageLikeColumn(fields) : undefined;
  if (unread === undefined) return { kind: 'images', files };
  const problem = `no image in ${imageColumns.join(' or ')}, but something like one in ${oneLine(unread, 60)}: rename the column, or set data.textOnly to true`;
  return { kind: 'problem', problem };
}

/** As in the data of EasyR1: either no mark, or one for each image. */
function problemOfMarks(problem: string, images: number): string | undefined {
  const marks = countImageMarks(problem);
  if (marks === 0 || marks === images) return undefined;
  return `problem: ${marks} marks ${imageMark}, but ${images} images`;
}
