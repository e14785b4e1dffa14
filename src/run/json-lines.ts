/**
 * One JSON value a line, appended only. A line that a crash tore is never cut off: the next writer
 * starts on a new line, and readers pass over what does not parse.
 */
import type { FileHandle } from 'node:fs/promises';
import { openToAppend, streamFile } from '../core/files.ts';
import { linesIn } from '../core/lines.ts';
import { isMissing } from '../core/reading.ts';

export class JsonLinesWriter {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<JsonLinesWriter> {
    const file = await openToAppend(path);
    try {
      const { size } = await file.stat();
      if (size > 0) {
        const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
        if (buffer.toString() !== '\n') await file.appendFile('\n');
      }
      return new JsonLinesWriter(file);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async append(...values: readonly unknown[]): Promise<void> {
    await this.#file.appendFile(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
  }

  async flush(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/**
 * The values that `parse` accepts, in file order; none where the file does not exist.
 * @throws MedixError where it cannot be read
 */
export async function readJsonLines<T>(
  path: string,
  parse: (value: unknown) => T | undefined,
): Promise<T[]> {
  const values: T[] = [];
  try {
    for await (const { bytes } of linesIn(streamFile(path))) {
      const value = parseJson(bytes);
      const parsed = value === undefined ? undefined : parse(value);
      if (parsed !== undefined) values.push(parsed);
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return values;
}

/** Undefined where the line is too long to be one, or torn. */
function parseJson(line: Buffer | undefined): unknown {
  try {
    return line === undefined ? undefined : JSON.parse(line.toString());
  } catch {
    return undefined;
  }
}
