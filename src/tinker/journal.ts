/**
 * Which requests of one model have a number, were sent and were answered. The server applies a number once, however
 * often it comes; so whoever writes the number and the request down *before* sending can send the same again after a
 * crash, and nothing is applied twice or left out.
 *
 * Lines of JSON in `journal.jsonl`, and the bytes of requests that have no answer yet as `<seq>.request` beside it.
 */
import { type FileHandle, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { digestOfBytes } from '../core/digest.ts';
import { fail } from '../core/errors.ts';
import { foundAt, readBytes, readText } from '../core/files.ts';
import { makeFolder } from '../core/make-folder.ts';
import { readingAs } from '../core/reading.ts';
import { flush } from '../core/write-aside.ts';
import type { Payload } from './transport.ts';

/** A request with its number, as it is sent and sent again. */
export type Numbered = {
  /** From 1, without gaps. */
  readonly seq: number;
  /** Below `/api/v1/`. */
  readonly path: string;
  readonly payload: Payload;
};

export type Journal = {
  readonly nextSeq: number;
  /** Requests that were written down and have no answer, in the order of their numbers. */
  readonly unanswered: readonly Numbered[];
  /** Resolves once the request is on the disk. Its number must be {@link nextSeq}. */
  begin(request: Numbered): Promise<void>;
  /** The request had an answer, or was refused for good: it is never sent again. */
  end(seq: number, outcome: 'answered' | 'refused'): Promise<void>;
  close(): Promise<void>;
};

/** What the journal is of; another server or model has another folder. */
export type JournalOwner = { readonly server: string; readonly model: string };

const requestLine = z.object({
  kind: z.literal('request'),
  seq: z.int().positive(),
  path: z.string(),
  type: z.enum(['application/json', 'application/x-protobuf']),
  digest: z.string(),
});

const lineSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('owner'), server: z.string(), model: z.string() }),
  requestLine,
  z.object({
    kind: z.literal('end'),
    seq: z.int().positive(),
    outcome: z.enum(['answered', 'refused']),
  }),
]);
type Line = z.output<typeof lineSchema>;

/** Remembers as long as the process lives: for callers who begin anew after a crash, e.g. from a checkpoint. */
export function memoryJournal(): Journal {
  let nextSeq = 1;
  const open = new Map<number, Numbered>();
  return {
    get nextSeq() {
      return nextSeq;
    },
    get unanswered() {
      return [...open.values()];
    },
    begin: async (request) => {
      nextSeq = request.seq + 1;
      open.set(request.seq, request);
    },
    end: async (seq) => {
      open.delete(seq);
    },
    close: async () => {},
  };
}

/**
 * A new journal in a folder, which is made where it is missing.
 * @throws MedixError 'run' where one is there
 */
export async function createJournal(folder: string, owner: JournalOwner): Promise<Journal> {
  await makeFolder(folder);
  const path = join(folder, journalFile);
  if ((await foundAt(path)) !== 'missing') {
    fail('run', {
      where: path,
      expected: 'no journal yet',
      got: 'one of an earlier model',
      next: 'resume that model, or name another folder',
    });
  }
  const file = await open(path, 'wx');
  const journal = writing(folder, file, 1, []);
  await journal.append({ kind: 'owner', ...owner });
  await flush(folder);
  return journal;
}

/**
 * The journal of a folder, with what has no answer yet. A last line that was cut by a crash is left out: its request
 * was never sent.
 * @throws MedixError 'run' where there is none or it cannot be read
 */
export async function openJournal(
  folder: string,
): Promise<{ readonly journal: Journal; readonly owner: JournalOwner }> {
  const path = join(folder, journalFile);
  const asked = {
    boundary: 'run',
    where: path,
    expected: 'the journal of a model',
    next: 'name the folder that the model was created with',
  } as const;
  const text = await readingAs(
    asked,
    () => readText(path),
    (it) => it,
  );
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const lines = await readingAs(
    asked,
    async () => whole,
    (it) =>
      it
        .split('\n')
        .filter((line) => line !== '')
        .map(readLine),
  );
  const [owner] = lines;
  if (owner?.kind !== 'owner') return fail('run', { ...asked, got: 'one without its first line' });
  const ended = new Set(lines.flatMap((line) => (line.kind === 'end' ? [line.seq] : [])));
  const begun = lines.filter((line) => line.kind === 'request');
  const unanswered = await Promise.all(
    begun.filter(({ seq }) => !ended.has(seq)).map((line) => readRequest(folder, line)),
  );
  const file = await open(path, 'r+');
  await file.truncate(Buffer.byteLength(whole));
  await file.close();
  const nextSeq = 1 + begun.reduce((most, { seq }) => Math.max(most, seq), 0);
  const journal = writing(folder, await open(path, 'a'), nextSeq, unanswered);
  return { journal, owner: { server: owner.server, model: owner.model } };
}

const journalFile = 'journal.jsonl';

function readLine(line: string): Line {
  return lineSchema.parse(JSON.parse(line));
}

async function readRequest(
  folder: string,
  { seq, path, type, digest }: z.output<typeof requestLine>,
): Promise<Numbered> {
  const file = requestFile(folder, seq);
  const content = await readBytes(file);
  if (digestOfBytes(content) === digest) return { seq, path, payload: { type, content } };
  return fail('run', {
    where: file,
    expected: `the request that the journal names (digest ${digest})`,
    got: 'other bytes',
    next: 'restore the file, or begin anew from a checkpoint',
  });
}

function requestFile(folder: string, seq: number): string {
  return join(folder, `${seq}.request`);
}

function writing(
  folder: string,
  file: FileHandle,
  first: number,
  unanswered: readonly Numbered[],
): Journal & { append(line: Line): Promise<void> } {
  let nextSeq = first;
  const open = new Map(unanswered.map((request) => [request.seq, request]));
  // One after the other, so that no number is on the disk before those below it.
  let last = Promise.resolve();
  const append = (line: Line, before: () => Promise<void> = async () => {}): Promise<void> => {
    last = last.then(async () => {
      await before();
      await file.appendFile(`${JSON.stringify(line)}\n`);
      await file.datasync();
    });
    return last;
  };
  return {
    append,
    get nextSeq() {
      return nextSeq;
    },
    get unanswered() {
      return [...open.values()];
    },
    begin: async (request) => {
      const { seq, path, payload } = request;
      nextSeq = seq + 1;
      open.set(seq, request);
      const digest = digestOfBytes(payload.content);
      // The line is written after the bytes that it names.
      await append({ kind: 'request', seq, path, type: payload.type, digest }, () =>
        writeFile(requestFile(folder, seq), payload.content, { flush: true }),
      );
    },
    end: async (seq, outcome) => {
      open.delete(seq);
      await append({ kind: 'end', seq, outcome });
      await rm(requestFile(folder, seq), { force: true });
    },
    close: async () => {
      await last;
      await file.close();
    },
  };
}
