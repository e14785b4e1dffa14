/** Images of the few questions that a report shows, read from the task's source once more. */

import { MedixError, messageOf } from '../../core/errors.ts';
import type { ImageFile } from '../../core/sample.ts';
import { jpegThumbnail } from '../../image/raster.ts';
import type { OpenedTask } from '../stages/asked-samples.ts';
import { readTaskSamples } from '../tasks/read-task-samples.ts';

/** Opens a task where the evaluation found it. */
export type OpenTask = (id: string) => Promise<OpenedTask>;

export type CaseImages =
  | { readonly kind: 'found'; readonly images: readonly CaseImage[] }
  /** `message` says why, for people. */
  | { readonly kind: 'missing'; readonly message: string };

type CaseImage = {
  /** `data:` address. */
  readonly address: string;
  /** Pixels of what is shown, which is no larger than the original. */
  readonly width: number;
  readonly height: number;
};

/** Longest side in pixels: enough to see what is meant, small enough for a page with a dozen. */
const longestSide = 512;

/**
 * By sample id. A source that is gone, or no longer has a sample, is said in the report and does not stop
 * it: all else is in the results folder.
 */
export async function readCaseImages(
  taskId: string,
  sampleIds: ReadonlySet<string>,
  openTask: OpenTask,
  signal: AbortSignal,
): Promise<Map<string, CaseImages>> {
  const found = new Map<string, CaseImages>();
  let message = 'the task’s source no longer has this sample';
  try {
    const opened = await openTask(taskId);
    for await (const row of readTaskSamples(opened.task, opened.source, signal)) {
      if (row.kind !== 'sample' || !sampleIds.has(row.sample.id)) continue;
      found.set(row.sample.id, await encode(row.sample.images));
      if (found.size === sampleIds.size) break;
    }
  } catch (error) {
    if (!(error instanceof MedixError)) throw error;
    message = messageOf(error);
  }
  for (const id of sampleIds) if (!found.has(id)) found.set(id, { kind: 'missing', message });
  return found;
}

async function encode(images: readonly ImageFile[]): Promise<CaseImages> {
  try {
    return { kind: 'found', images: await Promise.all(images.map(shrink)) };
  } catch (error) {
    return { kind: 'missing', message: `the image cannot be decoded: ${messageOf(error)}` };
  }
}

async function shrink(file: ImageFile): Promise<CaseImage> {
  const { bytes, width, height } = await jpegThumbnail(file.bytes, longestSide);
  const address = `data:image/jpeg;base64,${Buffer.from(bytes).toString('base64')}`;
  return { address, width, height };
}
