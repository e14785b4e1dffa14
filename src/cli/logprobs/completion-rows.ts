/** Rows of `medix logprobs`: prompts with completions, checked and encoded one at a time. */
import { dirname } from 'node:path';
import { z } from 'zod';
import { type Field, listFields } from '../../config/field-list.ts';
import { problemsOf } from '../../config/schema-problems.ts';
import { fail, MedixError, type Problem } from '../../core/errors.ts';
import { reading } from '../../core/reading.ts';
import type { ImageFile } from '../../core/sample.ts';
import { localFile } from '../../data/data-file.ts';
import { countImageMarks, imageMark, placeImages } from '../../data/image-marks.ts';
import { readJsonLines } from '../../data/jsonl.ts';
import type { RawRow } from '../../data/raw-row.ts';
import type { Sequence } from '../../engine/engine.ts';
import { imagesIn, readNamedImage } from '../../image/named-image.ts';
import type { Processor } from '../../model/prompt.ts';

/** What rows are encoded with; no weights. */
export type RowEncoding = {
  readonly processor: Processor;
  readonly vocabularySize: number;
  /** Prompt and completion together, in tokens. */
  readonly contextLength: number;
  /** Folder of images that rows name by path. @default the folder of the rows' file */
  readonly imageRoot?: string;
};

export type EncodedRow = { readonly id: string | number | bigint; readonly sequence: Sequence };

export type RowOutcome =
  | ({ readonly kind: 'row' } & EncodedRow)
  | { readonly kind: 'rejected'; readonly problems: readonly Problem[] };

const rowSchema = z
  .strictObject({
    id: z
      .union([z.string(), z.number(), z.bigint()], { error: 'text or a number' })
      .describe('Names the row in the output'),
    images: z
      .unknown()
      .optional()
      .describe(
        "Images, before the prompt or at its marks <image>: paths of files below the file's folder, {path}, or {bytes} in base64",
      ),
    prompt: z
      .string()
      .min(1)
      .describe("Text of the user's message; no prompt template is put around it"),
    completion: z
      .union([z.string(), z.array(z.int().nonnegative())], {
        error: 'text or a list of token ids',
      })
      .describe('Completion to score: text, or a list of token ids'),
    end: z
      .boolean()
      .default(false)
      .describe('Whether the end-of-turn token is added to the completion and scored too'),
  })
  .refine(({ completion, end }) => completion.length > 0 || end, {
    path: ['completion'],
    error: 'text, tokens or "end": true',
  });
type Row = z.output<typeof rowSchema>;

/** The fields of a row, for `--help`. */
export const rowFields: readonly Field[] = listFields(rowSchema);

/**
 * Reads the rows of a JSONL file in order, one in memory at a time.
 *
 * @throws MedixError 'data' when there is no such file. What is wrong with a row is an outcome.
 */
export async function* readRows(
  path: string,
  encoding: RowEncoding,
  signal: AbortSignal,
): AsyncGenerator<RowOutcome> {
  const asked = {
    boundary: 'data',
    where: path,
    expected: 'a file that can be read',
    next: 'correct the path',
  } as const;
  const file = await reading(asked, () => localFile(path, 'jsonl'));
  for await (const raw of readJsonLines(file, signal)) yield await encodeRow(path, raw, encoding);
}

async function encodeRow(path: string, raw: RawRow, encoding: RowEncoding): Promise<RowOutcome> {
  const line = `${path}: line ${raw.row + 1}`;
  const rejected = (...problems: Problem[]): RowOutcome => ({ kind: 'rejected', problems });
  if (raw.kind === 'unreadable') {
    const next = 'write one JSON object on each line';
    return rejected({ where: line, expected: 'a JSON object', got: raw.problem, next });
  }
  const parsed = rowSchema.safeParse(raw.fields);
  if (!parsed.success) {
    const where = (field: string) => `${line}: ${field}`;
    return rejected(...problemsOf(parsed.error, raw.fields, rowFields, where));
  }
  try {
    const sequence = await toSequence(parsed.data, encoding.imageRoot ?? dirname(path), encoding);
    return { kind: 'row', id: parsed.data.id, sequence };
  } catch (error) {
    if (!(error instanceof MedixError)) throw error;
    return rejected(...error.problems.map((it) => ({ ...it, where: `${line}: ${it.where}` })));
  }
}

async function toSequence(
  { images, prompt: text, completion: wanted, end }: Row,
  imageRoot: string,
  { processor, vocabularySize, contextLength }: RowEncoding,
): Promise<Sequence> {
  const files = await readImages(images, imageRoot);
  const marks = countImageMarks(text);
  if (marks > 0 && marks !== files.length) {
    fail('data', {
      where: 'prompt',
      expected: `no mark ${imageMark}, or one for each of ${files.length} images`,
      got: `${marks}`,
      next: 'correct the row',
    });
  }
  const content = placeImages(text, files);
  const prompt = await processor.encode([{ role: 'user', content }]);
  const completion =
    typeof wanted === 'string'
      ? processor.encodeCompletion(wanted, end)
      : Int32Array.of(...wanted, ...processor.encodeCompletion('', end));
  const stray = completion.find(
    (token) => token >= vocabularySize || processor.bannedTokens.includes(token),
  );
  if (stray !== undefined) {
    fail('data', {
      where: 'completion',
      expected: `token ids below ${vocabularySize} that are not image placeholders`,
      got: `${stray}`,
      next: "use token ids of this model's tokenizer",
    });
  }
  if (prompt.tokens.length + completion.length > contextLength) {
    fail('data', {
      where: 'prompt',
      expected: `prompt and completion within the ${contextLength} tokens of the model`,
      got: `${prompt.tokens.length} + ${completion.length}`,
      next: 'shorten the row, use smaller or fewer images, or leave it out',
    });
  }
  return { prompt, completion };
}

async function readImages(value: unknown, root: string): Promise<readonly ImageFile[]> {
  const images: ImageFile[] = [];
  for (const entry of imagesIn(value)) {
    const read = await readNamedImage(entry, root);
    if (read.kind !== 'image') {
      return fail('data', {
        where: 'images',
        expected: 'image files below the folder of --in or --image-root, or {bytes} in base64',
        got: read.problem,
        next: 'correct the row',
      });
    }
    images.push(read.image);
  }
  return images;
}
