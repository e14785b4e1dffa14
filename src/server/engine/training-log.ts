/**
 * What a model was asked to do, on disk before the client hears that it was taken. After a crash the model's last
 * snapshot is loaded and what came after it is done again; since nothing in a pass is drawn anew, the weights are those
 * that would have been there.
 */
import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { foundAt, readText } from '../../core/files.ts';
import { makeFolder } from '../../core/make-folder.ts';
import { readingAs } from '../../core/reading.ts';
import { writeAside } from '../../core/write-aside.ts';

const entrySchema = z.object({
  seq: z.int().positive(),
  path: z.string(),
  digest: z.string(),
  isProtobuf: z.boolean(),
  /** Base64 of the body as it came. */
  body: z.string(),
});
export type LogEntry = z.output<typeof entrySchema>;

const modelSchema = z.object({
  id: z.string(),
  session: z.string(),
  number: z.int().min(0),
  /** Of the request that made it. */
  digest: z.string(),
  rank: z.int().min(0),
  seed: z.int(),
  created: z.string(),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  /** Checkpoint whose weights it began with. */
  begin: z.object({ path: z.string(), optimizer: z.boolean() }).nullable(),
  isUnloaded: z.boolean(),
  log: z.string(),
  snapshot: z
    .object({
      folder: z.string(),
      /** Last request that is in it. */
      seq: z.int().min(0),
      handle: z.looseObject({ engine: z.string() }),
      /** Results of requests up to then that were not known to have arrived. */
      outcomes: z.array(
        z.object({ seq: z.int(), digest: z.string(), outcome: z.unknown().nullable() }),
      ),
    })
    .nullable(),
});
export type ModelRecord = z.output<typeof modelSchema>;

const modelFile = 'model.json';

export async function writeModel(folder: string, record: ModelRecord): Promise<void> {
  await makeFolder(folder);
  await writeAside(join(folder, modelFile), (append) => append(JSON.stringify(record)));
}

/** @returns undefined where a crash came before the model was known to anybody */
export async function readModel(folder: string): Promise<ModelRecord | undefined> {
  const path = join(folder, modelFile);
  if ((await foundAt(path)) === 'missing') return undefined;
  return readingAs(
    {
      boundary: 'engine',
      where: path,
      expected: 'a model of the engine service',
      next: 'move its folder away; checkpoints stay usable',
    },
    () => readText(path),
    (text) => modelSchema.parse(JSON.parse(text)),
  );
}

export type TrainingLog = {
  readonly name: string;
  readonly bytes: number;
  append(entry: LogEntry): Promise<void>;
  close(): Promise<void>;
};

/** @param entries what the log begins with */
export async function createLog(
  folder: string,
  entries: readonly LogEntry[],
): Promise<TrainingLog> {
  const name = `log-${randomUUID()}.jsonl`;
  await makeFolder(folder);
  await writeAside(join(folder, name), async (append) => {
    for (const entry of entries) await append(`${JSON.stringify(entry)}\n`);
  });
  const file = await open(join(folder, name), 'a');
  let bytes = 0;
  let last: Promise<unknown> = Promise.resolve();
  return {
    name,
    get bytes() {
      return bytes;
    },
    append: (entry) => {
      const line = `${JSON.stringify(entry)}\n`;
      bytes += line.length;
      const written = last.then(async () => {
        await file.appendFile(line);
        await file.datasync();
      });
      last = written.catch(() => {});
      return written;
    },
    close: async () => {
      await last;
      await file.close();
    },
  };
}

/** Entries by their numbers; a last line that a crash cut short was told to nobody. */
export async function readLog(folder: string, name: string): Promise<readonly LogEntry[]> {
  const text = await readText(join(folder, name));
  const lines = text.split('\n');
  lines.pop();
  const entries = lines.map((line) => entrySchema.parse(JSON.parse(line)));
  return entries.sort((a, b) => a.seq - b.seq);
}

export async function removeQuietly(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
