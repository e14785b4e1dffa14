/**
 * One JSON value a line, appended only. A line that a crash tore is never cut off: the next writer
 * starts on a new line, and readers pass over what does not parse.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { isMissing } from './durable.ts';

export class JsonLinesWriter {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<JsonLinesWriter> {
    const file = await open(path, 'a+');
    const { size } = await file.stat();
    if (size > 0) {
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
      if (buffer.toString() !== '\n') await file.appendFile('\n');
    }
    return new JsonLinesWriter(file);
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

/** The values that `parse` accepts, in file order; none where the file does not exist. */
export async function readJsonLines<T>(
  path: string,
  parse: (value: unknown) => T | undefined,
): Promise<T[]> {
  const values: T[] = [];
  for (const line of (await readText(path)).split('\n')) {
    const value = parseJson(line);
    const parsed = value === undefined ? undefined : parse(value);
    if (parsed !== undefined) values.push(parsed);
  }
  return values;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
