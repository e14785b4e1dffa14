/** The files of a checkpoint in Hugging Face layout, as they lie in its folder. */
import { join } from 'node:path';
import { foundAt, readText, streamFile } from '../../core/files.ts';
import { makeFolder } from '../../core/make-folder.ts';
import { writeAside } from '../../core/write-aside.ts';
import { modelFileNames } from '../../model/files/model-files.ts';
import { indexFile, indexSchema, wholeFile } from '../../model/files/safetensors.ts';

export type CheckpointFiles = {
  /** Config, tokenizer and processor, as far as they are there. */
  readonly texts: readonly string[];
  /** In the order of the index; a single one where there is none. */
  readonly weights: readonly string[];
  /** Content of the file that says which tensor is in which file. */
  readonly index: string | undefined;
};

export const configFile = 'config.json';

/** Of a checkpoint that was opened before, so that its index is known to be right. */
export async function checkpointFiles(directory: string): Promise<CheckpointFiles> {
  const texts: string[] = [];
  for (const name of [configFile, ...modelFileNames]) {
    if (await isFile(join(directory, name))) texts.push(name);
  }
  // A stale index beside a whole file does not count.
  if (await isFile(join(directory, wholeFile))) {
    return { texts, weights: [wholeFile], index: undefined };
  }
  const index = await readText(join(directory, indexFile));
  const { weight_map: files } = indexSchema.parse(JSON.parse(index));
  return { texts, weights: [...new Set(Object.values(files))], index };
}

/** Copies a checkpoint as it is. */
export async function copyCheckpoint(from: string, to: string): Promise<void> {
  const { texts, weights, index } = await checkpointFiles(from);
  await makeFolder(to);
  await copyFiles(from, to, index === undefined ? texts : [...texts, indexFile]);
  await copyFiles(from, to, weights);
}

export async function copyFiles(from: string, to: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await writeAside(join(to, name), async (append) => {
      for await (const piece of streamFile(join(from, name))) await append(piece);
    });
  }
}

async function isFile(path: string): Promise<boolean> {
  return (await foundAt(path)) === 'file';
}
