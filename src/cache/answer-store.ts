/**
 * Answers of judges and embedders on disk, shared by runs and by processes at the same time (LMDB: one
 * folder, readers never wait, a killed process leaves it whole). Keys are digests of all that shapes an
 * answer, so entries are never wrong and never change; there is no upper size: delete the folder to start
 * with an empty one.
 */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { open } from 'lmdb';
import { fail, messageOf } from '../core/errors.ts';
import { fromHome } from '../core/files.ts';

export type AnswerKind = 'verdict' | 'rubric' | 'vector';

/** Who asks: another process has the answer, or this one has to ask and then let go. */
export type Claim =
  | { readonly kind: 'answer'; readonly value: Uint8Array }
  | { readonly kind: 'mine'; readonly release: () => Promise<void> };

export type AnswerStore = {
  /** A copy of what was put; undefined when nothing was, or when the store is elsewhere and it was not fetched. */
  get(kind: AnswerKind, key: string): Uint8Array | undefined;
  /**
   * Resolves once a killed process would find the answer again. Never rejects: what cannot be written,
   * for lack of space say, is told once as a process warning and will be asked again in the next run.
   */
  put(kind: AnswerKind, key: string, value: Uint8Array): Promise<void>;
  /** Of a store that is elsewhere: brings answers near, so that `get` finds those that there are. Never rejects. */
  fetch?(kind: AnswerKind, keys: readonly string[]): Promise<void>;
  /**
   * Of a store that is shared: waits for the answer where another process is asking, until that one gives up or
   * dies. Never rejects.
   */
  claim?(kind: AnswerKind, key: string, signal: AbortSignal): Promise<Claim>;
  /** Writes what is open. */
  close(): Promise<void>;
};

/**
 * Opens the folder, made where it does not exist. `~` at the start is the home directory.
 * @throws MedixError (judge) when it cannot be opened.
 */
export function openAnswerStore(path: string): AnswerStore {
  const folder = resolve(fromHome(path));
  const database = openDatabase(folder);
  let warned = false;
  return {
    get: (kind, key) => database.get(keyOf(kind, key)),
    put: async (kind, key, value) => {
      try {
        await database.put(keyOf(kind, key), Buffer.from(value));
      } catch (error) {
        if (warned) return;
        warned = true;
        process.emitWarning(
          `answers can no longer be stored in ${folder}: ${messageOf(error)}`,
          'MedixWarning',
        );
      }
    },
    close: async () => {
      await database.flushed;
      await database.close();
    },
  };
}

function openDatabase(folder: string) {
  try {
    mkdirSync(folder, { recursive: true });
    return open<Buffer, string>({ path: folder, noSubdir: false, encoding: 'binary' });
  } catch (error) {
    return fail(
      'judge',
      {
        where: `answer store ${folder}`,
        expected: 'a folder that this process may write to',
        got: messageOf(error),
        next: 'set the config field "cache" to such a folder, or to null, which keeps answers in memory only',
      },
      error,
    );
  }
}

function keyOf(kind: AnswerKind, key: string): string {
  return `${kind}:${key}`;
}
