/** The text files beside a checkpoint's weights: tokenizer, chat template, processor settings. */
import { join } from 'node:path';
import type { z } from 'zod';
import { fail, MedixError, messageOf } from '../../core/errors.ts';
import { readText } from '../../core/files.ts';
import { readingIfThere } from '../../core/reading.ts';

/** File name to content. An exported model carries these verbatim. */
export type ModelFiles = Readonly<Record<string, string>>;

/** What public checkpoints and `save_pretrained` of transformers 4 and 5 write beside config and weights. */
export const modelFileNames = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
  'preprocessor_config.json',
  'video_preprocessor_config.json',
  'processor_config.json',
  'generation_config.json',
] as const;

/**
 * The files above, as far as the directory holds them. Throws a `model` error when one
 * is unreadable.
 */
export function readModelFiles(directory: string): Promise<ModelFiles> {
  return readFiles(directory, modelFileNames);
}

/** Those of the named files that exist. Throws a `model` error when one is unreadable. */
export async function readFiles(directory: string, names: readonly string[]): Promise<ModelFiles> {
  const entries = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      const asked = {
        boundary: 'model',
        where: path,
        expected: 'a readable file',
        next: 'check the model directory',
      } as const;
      return [name, await readingIfThere(asked, () => readText(path))] as const;
    }),
  );
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/**
 * One JSON file, checked. Throws a `model` error when it is absent, not JSON, or not of the schema.
 *
 * @param where the file in errors. @default its name
 */
export function parseModelFile<T extends z.ZodType>(
  files: ModelFiles,
  name: string,
  schema: T,
  where: string = name,
): z.infer<T> {
  const next = 'use the unchanged files of one checkpoint';
  const text =
    files[name] ??
    fail('model', { where, expected: 'the file in the model directory', got: 'none', next });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail('model', { where, expected: 'JSON', got: messageOf(error), next }, error);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new MedixError(
    'model',
    parsed.error.issues.map(({ path, message }) => ({
      where: `${where}: ${path.join('.') || 'file'}`,
      expected: message.replace(/^Invalid \w+: expected /, '').replace(/, received .*$/, ''),
      got: shownAt(value, path),
      next,
    })),
  );
}

/** The value at a path, or what there is instead, short enough for a line. */
function shownAt(value: unknown, path: readonly PropertyKey[]): string {
  const found = path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key],
    value,
  );
  return found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 100);
}
