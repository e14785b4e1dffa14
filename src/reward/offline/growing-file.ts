/**
 * A file of lines that takes long to write. It grows as `<path>.part`; a process that was killed leaves the
 * lines it wrote, and the next process continues after the last whole line. `<path>.medix.json`, written
 * before the first line, says what the lines were made from, so that no file mixes two origins.
 */
import { appendFileSync, fstatSync } from 'node:fs';
import { type FileHandle, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { fail } from '../../core/errors.ts';
import { foundAt, openToAppend, readText, streamFile } from '../../core/files.ts';
import { linesIn } from '../../core/lines.ts';
import { isMissing } from '../../core/reading.ts';
import { flush } from '../../core/write-aside.ts';
import { storing, writeFileDurably } from '../../run/durable.ts';

/** What shapes the lines, by name: digests and settings. */
type Origin = Readonly<Record<string, string>>;

const recordSchema = z.object({
  origin: z.record(z.string(), z.string()),
  /** What the work wants to remember of itself. */
  facts: z.record(z.string(), z.unknown()),
});
type FileRecord = z.output<typeof recordSchema>;

export type GrowingFile = {
  /** What was noted last, by an earlier process; empty for a new file. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Adds whole lines; each gets its line feed. They are written, if not flushed, when the call returns. */
  append(lines: readonly string[]): Promise<void>;
  /** Keeps facts beside the file. */
  note(facts: Readonly<Record<string, unknown>>): Promise<void>;
  /** Flushes the file and moves it to its place, over one that is there. */
  finish(facts: Readonly<Record<string, unknown>>): Promise<void>;
  /** Closes it unfinished; it can be resumed. */
  close(): Promise<void>;
  /** Closes it and deletes what was written: its lines are no longer needed. */
  discard(): Promise<void>;
};

export type GrowingFileOptions = {
  readonly path: string;
  readonly origin: Origin;
  /** Start again where an unfinished file has another origin. */
  readonly force: boolean;
  /**
   * Hears every line that is already there, in order. What it does not accept was damaged by a crash: the
   * file is continued from the line before it.
   */
  readonly accept: (line: string) => boolean;
};

/** @throws MedixError 'run' when an unfinished file has another origin, or cannot be written. */
export async function openGrowingFile(options: GrowingFileOptions): Promise<GrowingFile> {
  const { path, origin, accept } = options;
  const partPath = `${path}.part`;
  const recordPath = `${path}.medix.json`;
  const earlier = await earlierRecord(options, partPath, recordPath);
  const writeRecord = (facts: FileRecord['facts']) => {
    const record: FileRecord = { origin, facts };
    return storingAt(path, () =>
      writeFileDurably(recordPath, `${JSON.stringify(record, null, 2)}\n`),
    );
  };
  if (earlier === undefined) {
    await storingAt(path, () => rm(partPath, { force: true }));
    await writeRecord({});
  }
  const file = await storingAt(path, () => openToAppend(partPath));
  let size = await acceptedBytes(partPath, accept);
  await storingAt(path, () => file.truncate(size));

  return {
    facts: earlier?.facts ?? {},
    append: async (lines) => {
      requireSize(file, partPath, size);
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      // At once: what waits in a queue is lost to a process that is killed.
      await storingAt(path, async () => {
        appendFileSync(file.fd, bytes);
        size += bytes.byteLength;
      });
    },
    note: writeRecord,
    finish: async (facts) => {
      await storingAt(path, async () => {
        await file.sync();
        await file.close();
        await writeRecord(facts);
        await rename(partPath, path);
        await flush(dirname(path));
      });
    },
    close: () => file.close(),
    discard: async () => {
      await file.close();
      await storingAt(path, async () => {
        await rm(partPath, { force: true });
        await rm(recordPath, { force: true });
      });
    },
  };
}

/** The record of an unfinished file to resume; undefined where there is none, or it is to be deleted. */
async function earlierRecord(
  { path, origin, force }: GrowingFileOptions,
  partPath: string,
  recordPath: string,
): Promise<FileRecord | undefined> {
  const before = await foundAt(partPath);
  if (before === 'missing') return undefined;
  const record = await readRecord(recordPath);
  const changed = record === undefined ? ['origin'] : changesOf(record.origin, origin);
  if (changed.length === 0) return record;
  if (force) return undefined;
  return fail('run', {
    where: partPath,
    expected: 'an unfinished file of the same input, config and judge',
    got:
      record === undefined
        ? `a file of unknown origin, since ${recordPath} cannot be read`
        : `a file with another ${changed.join(', ')}`,
    next: `use the settings that it was started with, choose another --out than ${path}, or delete it with --force`,
  });
}

async function readRecord(path: string): Promise<FileRecord | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readText(path)));
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError || error instanceof z.ZodError) {
      return undefined;
    }
    throw error;
  }
}

function changesOf(before: Origin, now: Origin): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].filter((name) => before[name] !== now[name]);
}

/** Length of the file up to the last whole line that was accepted, in bytes. */
async function acceptedBytes(path: string, accept: (line: string) => boolean): Promise<number> {
  let accepted = 0;
  for await (const { bytes, length, isWhole } of linesIn(streamFile(path))) {
    if (!isWhole || bytes === undefined || !accept(bytes.toString())) break;
    accepted += length + 1;
  }
  return accepted;
}

/** Two processes that write one file would tear each other's lines. */
function requireSize(file: FileHandle, path: string, expected: number): void {
  const { size } = fstatSync(file.fd);
  if (size === expected) return;
  fail('run', {
    where: path,
    expected: 'no other process that writes this file',
    got: `${size} bytes where this one left ${expected}`,
    next: 'end the other process, delete the file and run the command again',
  });
}

function storingAt<T>(path: string, write: () => Promise<T>): Promise<T> {
  return storing(path, write, 'correct the path, make room or grant access');
}
