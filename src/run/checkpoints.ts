/**
 * Checkpoints of a run: `checkpoints/<iteration>/` with the engine's files and the trainer's state. A
 * directory with a plain number is complete; the newest and the best are kept.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fail } from '../core/errors.ts';
import { entriesBelow, foundAt, lengthOf, readText } from '../core/files.ts';
import { readingAs } from '../core/reading.ts';
import { namesIn, removeDurably, writeDirectoryDurably } from './durable.ts';
import { type CheckpointRecord, checkpointSchema } from './records.ts';

export type Checkpoint = CheckpointRecord & {
  readonly directory: string;
  /** What the engine keeps here. */
  readonly engineDirectory: string;
};

/** The checkpoints of a run in ascending order of iteration. */
export async function readCheckpoints(runDirectory: string): Promise<Checkpoint[]> {
  const directory = join(runDirectory, 'checkpoints');
  const names = (await namesIn(directory)).filter((name) => /^\d+$/.test(name));
  const checkpoints = await Promise.all(names.map((name) => readCheckpoint(join(directory, name))));
  return checkpoints.sort((a, b) => a.iteration - b.iteration);
}

/**
 * Saves, then prunes: the new checkpoint is safe on disk before an old one goes.
 * @param keepLast how many of the newest stay, beside the best; at least 1.
 */
export async function saveCheckpoint(
  runDirectory: string,
  state: Omit<CheckpointRecord, 'engine' | 'files'>,
  saveEngine: (directory: string) => Promise<CheckpointRecord['engine']>,
  keepLast: number,
): Promise<void> {
  const path = checkpointDirectory(runDirectory, state.iteration);
  await writeDirectoryDurably(path, async (directory) => {
    const engineDirectory = join(directory, 'engine');
    // An engine elsewhere keeps nothing here.
    await mkdir(engineDirectory);
    const engine = await saveEngine(engineDirectory);
    const files = await filesIn(engineDirectory);
    const record: CheckpointRecord = { ...state, engine, files };
    await writeFile(join(directory, 'checkpoint.json'), `${JSON.stringify(record, null, 2)}\n`);
  });
  await prune(runDirectory, keepLast);
}

/** @throws MedixError 'run' when an engine file is missing or has another size than was written. */
export async function verifyCheckpoint(checkpoint: Checkpoint): Promise<void> {
  const found = new Map(
    (await filesIn(checkpoint.engineDirectory)).map(({ path, bytes }) => [path, bytes]),
  );
  for (const { path, bytes } of checkpoint.files) {
    const got = found.get(path);
    if (got === bytes) continue;
    fail('run', {
      where: join(checkpoint.engineDirectory, path),
      expected: `${bytes} bytes, as written`,
      got: got === undefined ? 'no such file' : `${got} bytes`,
      next: `restore the file, or delete ${checkpoint.directory} to resume from the checkpoint before`,
    });
  }
}

/** The checkpoint with the highest score by the measure of the newest, the earliest of equals. */
export function bestCheckpoint(checkpoints: readonly Checkpoint[]): Checkpoint | undefined {
  let best: Checkpoint | undefined;
  const measure = checkpoints.at(-1)?.scoredBy;
  for (const checkpoint of checkpoints.filter(
    ({ scoredBy }) => (scoredBy ?? measure) === measure,
  )) {
    if (checkpoint.score !== null && (best?.score == null || checkpoint.score > best.score)) {
      best = checkpoint;
    }
  }
  return best;
}

async function prune(runDirectory: string, keepLast: number): Promise<void> {
  const checkpoints = await readCheckpoints(runDirectory);
  const best = bestCheckpoint(checkpoints);
  for (const checkpoint of checkpoints.slice(0, -keepLast)) {
    if (checkpoint !== best) await removeDurably(checkpoint.directory);
  }
}

async function readCheckpoint(directory: string): Promise<Checkpoint> {
  const file = join(directory, 'checkpoint.json');
  const asked = {
    boundary: 'run',
    where: file,
    expected: "a checkpoint's description",
    next: `delete ${directory} to resume from the checkpoint before`,
  } as const;
  const record = await readingAs(
    asked,
    () => readText(file),
    (text) => checkpointSchema.parse(JSON.parse(text)),
  );
  return { ...record, directory, engineDirectory: join(directory, 'engine') };
}

function checkpointDirectory(runDirectory: string, iteration: number): string {
  return join(runDirectory, 'checkpoints', String(iteration).padStart(6, '0'));
}

async function filesIn(directory: string): Promise<{ path: string; bytes: number }[]> {
  const entries = await entriesBelow(directory);
  const paths = entries.map(({ parentPath, name }) => relative(directory, join(parentPath, name)));
  const files: { path: string; bytes: number }[] = [];
  for (const path of paths.sort()) {
    const file = join(directory, path);
    if ((await foundAt(file)) === 'file') files.push({ path, bytes: await lengthOf(file) });
  }
  return files;
}
