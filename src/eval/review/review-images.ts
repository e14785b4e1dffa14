/**
 * Images of reviewed samples, read from their source once more: results folders hold digests only. A
 * sample is found again by its id, which is a hash of its content, images included.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defined, fail } from '../../core/errors.ts';
import { formatOf, toPng } from '../../image/raster.ts';
import { openTask } from '../tasks/open-task.ts';
import { readTaskSamples } from '../tasks/read-task-samples.ts';
import { openTaskSource, type TaskAccess } from '../tasks/task-source.ts';
import { imageTypes } from './review-set.ts';

export type NamedTask = TaskAccess & {
  /** Id or file of the task. */
  readonly taskId: string;
};

/**
 * Writes the images of the samples into a folder, each once and named by its digest: as they are where
 * browsers can show them, else as PNG.
 *
 * @returns names of each sample's files, by sample id
 * @throws MedixError 'data' where the source no longer has one of the samples
 */
export async function writeImages(
  sampleIds: ReadonlySet<string>,
  { taskId: name, ...access }: NamedTask,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<Map<string, string[]>> {
  const task = await openTask(name);
  const source = await openTaskSource(task, access);
  const files = new Map<string, string[]>();
  for await (const row of readTaskSamples(task, source, signal)) {
    if (row.kind !== 'sample' || !sampleIds.has(row.sample.id)) continue;
    const { id, images, imageDigests } = row.sample;
    const names = images.map(({ bytes }, place) =>
      writeImage(bytes, defined(imageDigests[place], 'digest of an image'), folder),
    );
    files.set(id, await Promise.all(names));
    if (files.size === sampleIds.size) return files;
  }
  const missing = [...sampleIds].filter((id) => !files.has(id));
  return fail('data', {
    where: `task ${task.id} (${source.description})`,
    expected: 'the samples that were evaluated',
    got: `no ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ', …' : ''}`,
    next: `name the rows that were evaluated with --data ${task.id}=PATH`,
  });
}

async function writeImage(bytes: Uint8Array, digest: string, folder: string): Promise<string> {
  const format = await formatOf(bytes);
  const isShown = format in imageTypes;
  const name = `${digest}.${isShown ? format : 'png'}`;
  await writeFile(join(folder, name), isShown ? bytes : await toPng(bytes));
  return name;
}
