/** Rows of `medix logprobs`: prompts with completions, checked and encoded one at a time. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { type Field, listFields } from '../../config/field-list.ts';
import { problemsOf } from '../../config/schema-problems.ts';
import { fail, MedixError, messageOf, type Problem } from '../../core/errors.ts';
import type { ImageFile } from '../../core/sample.ts';
import { localFile } from '../../data/data-file.ts';
import { readJsonLines } from '../../data/jsonl.ts';
import type { RawRow } from '../../data/raw-row.ts';
import type { Sequence } from '../../engine/engine.ts';
import type { Processor } from '../../model/prompt.ts';

/** What rows are encoded with; no weights. */
export type RowEncoding = {
  readonly processor: Processor;
  readonly vocabularySize: number;
  /** Prompt and completion together, in tokens. */
  readonly contextLength: number;
};

export type EncodedRow = { readonly id: string | number; readonly sequence: Sequence };

export type RowOutcome =
  | ({ readonly kind: 'row' } & EncodedRow)
  | { readonly kind: 'rejected'; readonly problems: readonly Problem[] };

const imageSchema = z.union(
  [
    z.string().min(1),
    z.strictObject({ path: z.string().min(1).nullish(), bytes: z.base64().nullish() }),
  ],
  { error: 'a path, {path} or {bytes} in base64' },
);

const rowSchema = z
  .strictObject({
    id: z
      .union([z.string(), z.number()], { error: 'text or a number' })
      .describe('Names the row in the output'),
    images: z
      .array(imageSchema)
      .nullish()
      .describe(
        'Images before the prompt: paths, relative to the file, or {path} or {bytes} in base64',
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
  const found = await stat(path).catch((error) => missing(path, messageOf(error)));
  if (!found.isFile()) missing(path, 'a folder');
  const file = await localFile(path, 'jsonl');
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
    const sequence = await toSequence(parsed.data, dirname(path), encoding);
    return { kind: 'row', id: parsed.data.id, sequence };
  } catch (error) {
    if (!(error instanceof MedixError)) throw error;
    return rejected(...error.problems.map((it) => ({ ...it, where: `${line}: ${it.where}` })));
  }
}

async function toSequence(
  { images, prompt: text, completion: wanted, end }: Row,
  folder: string,
  { processor, vocabularySize, contextLength }: RowEncoding,
): Promise<Sequence> {
  const files = await Promise.all((images ?? []).map((image) => readImage(folder, image)));
  const parts = files.map((image) => ({ type: 'image' as const, image }));
  const content = [...parts, { type: 'text' as const, text }];
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

async function readImage(folder: string, image: z.output<typeof imageSchema>): Promise<ImageFile> {
  const { path, bytes } = typeof image === 'string' ? { path: image, bytes: null } : image;
  if (bytes) return { bytes: Buffer.from(bytes, 'base64'), name: path ?? 'of the row' };
  const file = resolve(folder, path ?? missing('images', 'an image with neither path nor bytes'));
  const content = await readFile(file).catch((error) => missing('images', messageOf(error)));
  return { bytes: content, name: file };
}

function missing(where: string, got: string): never {
  return fail('data', {
    where,
    expected: 'a file that can be read',
    got,
    next: 'correct the path',
  });
}
