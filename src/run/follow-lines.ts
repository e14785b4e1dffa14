/**
 * Follows a file of JSON lines while another process appends to it. Only whole lines are read, each once; a
 * line that a crash tore is passed over.
 */
import type { FileHandle } from 'node:fs/promises';
import type { ZodType } from 'zod';
import { openRegular, piecesOf } from '../core/files.ts';
import { linesIn } from '../core/lines.ts';
import { isMissing } from '../core/reading.ts';

export type LineFollower<T> = {
  /**
   * What was added since the last call, in file order; lines of another form are left out. `restarted` where
   * the file was replaced or cut since, and all of it is read anew. Empty where there is no file yet.
   */
  next(): Promise<{ readonly values: readonly T[]; readonly restarted: boolean }>;
};

/**
 * @param path need not exist yet; it is opened anew with every call and never held open.
 * @example
 * ```ts
 * const metrics = followJsonLines('runs/train/metrics.jsonl', metricsLineSchema);
 * const { values } = await metrics.next(); // ask again whenever it suits
 * for (const { iteration, values: of } of values) console.log(iteration, of['reward/mean']);
 * ```
 */
export function followJsonLines<T>(path: string, schema: ZodType<T>): LineFollower<T> {
  let offset = 0;
  let inode: number | undefined;

  const read = async (file: FileHandle) => {
    const { size, ino } = await file.stat();
    const restarted = inode !== undefined && (ino !== inode || size < offset);
    if (restarted) offset = 0;
    inode = ino;
    const values: T[] = [];
    for await (const { bytes, length, isWhole } of linesIn(piecesOf(file, offset, size))) {
      if (!isWhole) break;
      offset += length + 1;
      const value = bytes === undefined ? undefined : parse(bytes.toString(), schema);
      if (value !== undefined) values.push(value);
    }
    return { values, restarted };
  };

  return {
    next: async () => {
      let file: FileHandle;
      try {
        file = await openRegular(path);
      } catch (error) {
        if (!isMissing(error)) throw error;
        const restarted = inode !== undefined;
        offset = 0;
        inode = undefined;
        return { values: [], restarted };
      }
      return read(file).finally(() => file.close());
    },
  };
}

function parse<T>(line: string, schema: ZodType<T>): T | undefined {
  if (line === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return schema.safeParse(value).data;
}
