/** Rows of a file of responses, each checked on its own: a broken row costs the others nothing. */
import { dirname } from 'node:path';
import { z } from 'zod';
import { type Field, listFields } from '../../config/field-list.ts';
import { messageOf } from '../../core/errors.ts';
import { modalities } from '../../core/modality.ts';
import { nameOf } from '../../core/quoted.ts';
import type { ImageFile } from '../../core/sample.ts';
import { localFile } from '../../data/data-file.ts';
import { readJsonLines } from '../../data/jsonl.ts';
import type { RawRow } from '../../data/raw-row.ts';
import { rubricColumn } from '../../data/rubric.ts';
import { imageEntry, imagesIn, type NamedImage, readNamedImage } from '../../image/named-image.ts';
import type { RewardProfile } from '../profile.ts';
import { type RewardItem, readGroundTruth } from '../reward-item.ts';

/** A bigint beyond 2^53, with all its digits. */
type RowId = string | number | bigint;

/** `line` counts from 1. */
export type ReadRow =
  | {
      readonly kind: 'readable';
      readonly line: number;
      readonly id: RowId;
      readonly item: RewardItem;
    }
  /** `id` is null where the row's own cannot be read. */
  | {
      readonly kind: 'malformed';
      readonly line: number;
      readonly id: RowId | null;
      readonly message: string;
    };

export type RowReading = {
  /** Whose rules say what a ground truth is. */
  readonly profile: Pick<RewardProfile, 'rules'>;
  /** Whether image files are opened, for judges that see. Without it only their number counts. */
  readonly showImages: boolean;
  /** Folder of images that rows name by path. @default the folder of the rows' file */
  readonly imageRoot?: string | undefined;
};

const problemOf = (what: string) => ({
  error: ({ input }: { readonly input: unknown }) =>
    input === undefined ? 'is missing' : `is ${nameOf(input)}, not ${what}`,
});
const text = () => z.string(problemOf('text'));
const idSchema = z.union([z.string(), z.number(), z.bigint()], problemOf('text or a number'));

/** Fields of a row; others are ignored, since files of responses carry all kinds of columns. */
const rowSchema = z.object({
  id: idSchema.describe('Names the row in the output'),
  question: text().nullish().describe('The question; shown to the judge'),
  images: z
    .unknown()
    .optional()
    .describe(
      "Images of the question: paths of files below the file's folder, {path}, or {bytes} in base64",
    ),
  response: text().describe('Complete output of the model'),
  ground_truth: text().describe(
    'The reference answer, written as <TAG>answer with its modality tag, or without a tag',
  ),
  modality: z
    .enum(modalities, problemOf(`one of ${modalities.join(', ')}`))
    .nullish()
    .describe(
      'Modality tag, if ground_truth has none; without either the component modality does not count',
    ),
  accepted: z
    .array(text(), problemOf('a list of texts'))
    .nullish()
    .describe('Further answers that count as right'),
  rubric: rubricColumn
    .nullish()
    .describe(
      'What the component rubric looks for, if the profile has it: a list of {criterion, points}',
    ),
  reading: text()
    .nullish()
    .describe(
      'All that can be read off the images, in words: what the component reading, if the profile has it, compares thinking with',
    ),
});

/** The fields of a row, for `--help`. */
export const scoreRowFields: readonly Field[] = listFields(rowSchema);

/**
 * The rows of a JSONL file in order, one in memory at a time; blank lines are no rows.
 * @param skip number of rows to skip unread, from the first.
 */
export async function* readScoreRows(
  path: string,
  reading: RowReading,
  skip: number,
  signal: AbortSignal,
): AsyncGenerator<ReadRow> {
  const file = await localFile(path, 'jsonl');
  const folder = dirname(path);
  let rows = 0;
  for await (const raw of readJsonLines(file, signal)) {
    if (rows++ >= skip) yield await readScoreRow(raw, folder, reading);
  }
}

/** @param folder where relative image paths start. */
export async function readScoreRow(
  raw: RawRow,
  folder: string,
  { profile, showImages, imageRoot = folder }: RowReading,
): Promise<ReadRow> {
  const line = raw.row + 1;
  const malformed = (id: RowId | null, message: string): ReadRow => {
    return { kind: 'malformed', line, id, message };
  };
  if (raw.kind === 'unreadable') return malformed(null, raw.problem);
  const parsed = rowSchema.safeParse(raw.fields);
  if (!parsed.success) {
    return malformed(idSchema.safeParse(raw.fields['id']).data ?? null, messageOf(parsed.error));
  }
  const { id, question, response, ground_truth: groundTruth, accepted } = parsed.data;
  const { rubric, reading: seen } = parsed.data;
  const read = readGroundTruth(groundTruth, profile);
  if (read.kind === 'malformed') return malformed(id, read.problem);
  const modality = read.truth.modality ?? parsed.data.modality ?? undefined;
  if (parsed.data.modality && parsed.data.modality !== modality) {
    return malformed(id, `modality ${parsed.data.modality} contradicts the ground truth's`);
  }
  const known = { ...present({ modality, rubric, reading: seen }), accepted: accepted ?? [] };
  const images: ImageFile[] = [];
  for (const entry of imagesIn(parsed.data.images)) {
    const read = showImages ? await readNamedImage(entry, imageRoot) : counted(entry);
    if (read.kind !== 'image') return malformed(id, `images: ${read.problem}`);
    images.push(read.image);
  }
  const sample = { problem: question ?? '', images, ...read.truth, ...known };
  return { kind: 'readable', line, id, item: { sample, response } };
}

function present<Fields extends Readonly<Record<string, unknown>>>(fields: Fields) {
  const entries = Object.entries(fields).filter(([, value]) => value != null);
  return Object.fromEntries(entries) as { [Name in keyof Fields]?: NonNullable<Fields[Name]> };
}

/** Where no judge looks at images, their number is all that counts. */
function counted(value: unknown): NamedImage {
  const entry = imageEntry(value);
  if (entry.kind === 'other') return { kind: 'unusable', problem: entry.problem };
  return { kind: 'image', image: { bytes: new Uint8Array(), name: 'of the row' } };
}
