/**
 * Files of rows that may be larger than memory: one pass tells where each row stands, and rows are read
 * again when they are needed.
 */
import type { FileHandle } from 'node:fs/promises';
import type { ZodType } from 'zod';
import { openRegular, streamFile } from '../../core/files.ts';
import { linesIn } from '../../core/lines.ts';
import { isMissing } from '../../core/reading.ts';
import type { AnswerKey, Variant } from './records.ts';

export type Row<T> = {
  readonly value: T;
  /** Bytes before the row in its file. */
  readonly offset: number;
  readonly bytes: number;
};

/**
 * Rows of a schema in file order, none where there is no file; lines that a crash tore are passed over.
 * @throws MedixError where it cannot be read
 */
export async function* readRows<T>(path: string, schema: ZodType<T>): AsyncGenerator<Row<T>> {
  try {
    for await (const { bytes, offset, length } of linesIn(streamFile(path))) {
      const value = bytes === undefined ? undefined : parseRow(bytes, schema);
      if (value !== undefined) yield { value, offset, bytes: length };
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Reads single rows at the places that {@link readRows} gave. */
export class RowFile<T> {
  readonly #file: FileHandle;
  readonly #schema: ZodType<T>;

  private constructor(file: FileHandle, schema: ZodType<T>) {
    this.#file = file;
    this.#schema = schema;
  }

  static async open<T>(path: string, schema: ZodType<T>): Promise<RowFile<T>> {
    return new RowFile(await openRegular(path), schema);
  }

  async read({ offset, bytes }: Pick<Row<T>, 'offset' | 'bytes'>): Promise<T> {
    const { buffer } = await this.#file.read(Buffer.alloc(bytes), 0, bytes, offset);
    return this.#schema.parse(JSON.parse(buffer.toString()));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** The same text for the same answer: what maps of answers are keyed by. */
export function textOfKey({ sampleId, variant, epoch }: AnswerKey): string {
  return `${sampleId} ${variant} ${epoch}`;
}

/** The answers to a sample, variant by variant. */
export function keysOf(
  sampleId: string,
  variants: readonly Variant[],
  epochs: number,
): AnswerKey[] {
  return variants.flatMap((variant) =>
    Array.from({ length: epochs }, (_, epoch) => ({ sampleId, variant, epoch })),
  );
}

function parseRow<T>(line: Buffer, schema: ZodType<T>): T | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line.toString());
  } catch {
    return undefined;
  }
  return schema.safeParse(value).data;
}
