import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../core/errors.ts';
import { isModality, modalities } from '../core/modality.ts';
import type { ImageFile, Sample } from '../core/sample.ts';
import type { DataFile } from './data-file.ts';
import type { RawRow } from './raw-row.ts';

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

const imageEntry = z.union([
  z.string().transform((path) => ({ bytes: undefined, path })),
  z.object({
    bytes: z.union([z.instanceof(Uint8Array), z.base64()]).nullish(),
    path: z.string().nullish(),
  }),
]);
type ImageEntry = z.infer<typeof imageEntry>;

const imageList = z
  .union([z.array(imageEntry), imageEntry.transform((entry) => [entry])])
  .nullish()
  .transform((entries) => entries ?? []);

const rowSchema = z.object({
  id: z.union([z.string(), z.number(), z.bigint()]).nullish(),
  image: imageList,
  images: imageList,
  source: z.string().nullish(),
  problem: z.string('is no text').trim().min(1, 'is empty'),
  solution: z.string('is no text'),
  accepted: z.array(z.string()).nullish(),
  demonstration: z.string().nullish(),
});

/**
 * Checks a row and makes a sample of it. Rows without an id are named after their file and number. An
 * image's bytes are taken as they are: whether they are an image shows when they are decoded.
 */
export async function toOutcome(file: DataFile, raw: RawRow): Promise<ReadOutcome> {
  const { row } = raw;
  const unnamed = `${basename(file.name)}#${row}`;
  const reject = (id: string, cause: RejectedRow['cause'], problem: string): RejectedRow => {
    return { kind: 'rejected', id, file: file.name, row, cause, problem };
  };
  if (raw.kind === 'unreadable') return reject(unnamed, 'malformed', raw.problem);
  const id = String(raw.fields['id'] ?? unnamed);

  const parsed = rowSchema.safeParse(raw.fields);
  if (!parsed.success) return reject(id, 'malformed', describeIssues(parsed.error));
  const { source, problem, solution, accepted, demonstration, image, images } = parsed.data;

  const tagged = /^\s*<([^<>\s]+)>\s*([\s\S]*?)\s*$/.exec(solution);
  const modality = tagged?.[1] ?? '';
  const referenceAnswer = tagged?.[2] ?? '';
  if (!isModality(modality)) {
    return reject(id, 'untagged', `solution ${quoted(solution)} does not start with a known tag`);
  }
  if (referenceAnswer === '')
    return reject(id, 'malformed', `solution <${modality}> has no answer`);

  try {
    const files = await Promise.all([...image, ...images].map((entry) => imageFile(file, entry)));
    const base = { id, source: source ?? '', images: files, problem, modality, referenceAnswer };
    const sample = { ...base, accepted: accepted ?? [] };
    return { kind: 'sample', sample: demonstration ? { ...sample, demonstration } : sample };
  } catch (error) {
    return reject(id, 'malformed', messageOf(error));
  }
}

/** The 16 modality tags, written as in a solution. */
export const tagList = modalities.map((modality) => `<${modality}>`).join(' ');

async function imageFile(file: DataFile, { bytes, path }: ImageEntry): Promise<ImageFile> {
  const name = path ?? 'image';
  if (typeof bytes === 'string')
    return { bytes: new Uint8Array(Buffer.from(bytes, 'base64')), name };
  if (bytes) return { bytes, name };
  if (!path) throw new Error('an image with neither bytes nor path');
  if (file.folder === undefined)
    throw new Error(`image ${path} is not embedded in the remote file`);
  return { bytes: new Uint8Array(await readFile(resolve(file.folder, path))), name };
}

function describeIssues(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
