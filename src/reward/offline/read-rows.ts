/** Rows of a file of responses, each checked on its own: a broken row costs the others nothing. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { type Field, listFields } from '../../config/field-list.ts';
import { messageOf } from '../../core/errors.ts';
import { modalities } from '../../core/modality.ts';
import type { ImageFile } from '../../core/sample.ts';
import { localFile } from '../../data/data-file.ts';
import { readJsonLines } from '../../data/jsonl.ts';
import type { RawRow } from '../../data/raw-row.ts';
import type { RewardProfile } from '../profile.ts';
import { type RewardItem, readGroundTruth } from '../reward-item.ts';

type RowId = string | number;

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
};

const imageSchema = z.union(
  [z.string().min(1), z.object({ path: z.string().min(1).nullish(), bytes: z.base64().nullish() })],
  { error: 'is no path, {path} or {bytes} in base64' },
);
type ImageEntry = z.output<typeof imageSchema>;

const problemOf = (what: string) => ({
  error: ({ input }: { readonly input: unknown }) =>
    input === undefined ? 'is missing' : `is not ${what}`,
});
const text = () => z.string(problemOf('text'));
const idSchema = z.union([z.string(), z.number()], problemOf('text or a number'));

/** Fields of a row; others are ignored, since files of responses carry all kinds of columns. */
const rowSchema = z.object({
  id: idSchema.describe('Names the row in the output'),
  question: text().nullish().describe('The question; shown to the judge'),
  images: z
    .array(imageSchema)
    .nullish()
    .describe('Images of the question: paths relative to the file, {path}, or {bytes} in base64'),
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
  accepted: z.array(z.string()).nullish().describe('Further answers that count as right'),
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
  { profile, showImages }: RowReading,
): Promise<ReadRow> {
  const line = raw.row + 1;
  const malformed = (id: RowId | null, message: string): ReadRow => {
    return { kind: 'malformed', line, id, message };
  };
  if (raw.kind === 'unreadable') return malformed(null, raw.problem);
  const parsed = rowSchema.safeParse(raw.fields);
  if (!parsed.success) {
    return malformed(idSchema.safeParse(raw.fields['id']).data ?? null, describe(parsed.error));
  }
  const { id, question, response, ground_truth: groundTruth, accepted } = parsed.data;
  const read = readGroundTruth(groundTruth, profile);
  if (read.kind === 'malformed') return malformed(id, read.problem);
  const modality = read.truth.modality ?? parsed.data.modality ?? undefined;
  if (parsed.data.modality && parsed.data.modality !== modality) {
    return malformed(id, `modality ${parsed.data.modality} contradicts the ground truth's`);
  }
  try {
    const entries = parsed.data.images ?? [];
    const sample = {
      problem: question ?? '',
      images: await Promise.all(entries.map((entry) => openImage(entry, folder, showImages))),
      accepted: accepted ?? [],
      ...read.truth,
      ...(modality === undefined ? {} : { modality }),
    };
    return { kind: 'readable', line, id, item: { sample, response } };
  } catch (error) {
    return malformed(id, `images: ${messageOf(error)}`);
  }
}

async function openImage(
  entry: ImageEntry,
  folder: string,
  showImages: boolean,
): Promise<ImageFile> {
  const { path, bytes } = typeof entry === 'string' ? { path: entry, bytes: null } : entry;
  if (!path && !bytes) throw new Error('one with neither path nor bytes');
  const name = path ?? 'of the row';
  if (!showImages) return { bytes: new Uint8Array(), name };
  if (bytes) return { bytes: Buffer.from(bytes, 'base64'), name };
  return { bytes: await readFile(resolve(folder, name)), name };
}

function describe(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');
}
