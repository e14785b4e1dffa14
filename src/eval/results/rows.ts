/**
 * Files of rows that may be larger than memory: one pass tells where each row stands, and rows are read
 * again when they are needed.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ZodType } from 'zod';
import { isMissing } from '../../run/durable.ts';
import type { AnswerKey, Variant } from './records.ts';

export type Row<T> = {
  readonly value: T;
  /** Bytes before the row in its file. */
  readonly offset: number;
  readonly bytes: number;
};

const lineFeed = 0x0a;

/** Rows of a schema in file order, none where there is no file; lines that a crash tore are passed over. */
export async function* readRows<T>(path: string, schema: ZodType<T>): AsyncGenerator<Row<T>> {
  let offset = 0;
  for await (const line of linesOf(path)) {
    const value = parseRow(line, schema);
    if (value !== undefined) yield { value, offset, bytes: line.length };
    offset += line.length + 1;
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
    return new RowFile(await open(path, 'r'), schema);
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

/** Lines without their ends, as bytes; none where there is no file. */
export async function* linesOf(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
      const bytes = chunk as Buffer;
      let start = 0;
      for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, start)) {
        yield Buffer.concat([...rest, bytes.subarray(start, end)]);
        rest = [];
        start = end + 1;
      }
      rest.push(bytes.subarray(start));
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const last = Buffer.concat(rest);
  if (last.length > 0) yield last;
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
