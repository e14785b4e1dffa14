/** The variants of one task, for whoever goes through its samples from the first to the last. */
import { invariant } from '../../core/errors.ts';
import type { Variant } from '../results/records.ts';
import { readTaskSamples } from '../tasks/read-task-samples.ts';
import type { EvalSample } from '../tasks/sample.ts';
import type { Task } from '../tasks/task-schema.ts';
import type { TaskSource } from '../tasks/task-source.ts';
import { applyVariant } from './apply-variant.ts';
import type { NotApplicable } from './not-applicable.ts';
import { withOtherImages } from './other-images.ts';

type TaskRows = { readonly task: Task; readonly source: TaskSource };

/**
 * Wrong images are looked for in all of the task, also in samples that are not asked: rows are then read
 * a second time, beside the caller, which must give samples in the order of the task, one after the
 * other. The outcome depends on seed, task and sample alone.
 *
 * @throws MedixError as {@link readTaskSamples} does
 */
export function createTaskVariants(
  { task, source }: TaskRows,
  seed: number,
): (
  sample: EvalSample,
  variant: Variant,
  signal: AbortSignal,
) => Promise<EvalSample | NotApplicable> {
  const { choiceTemplate } = task;
  const otherImagesOf = followImages({ task, source });
  return async (sample, variant, signal) => {
    const needsOthers = variant === 'wrong-image' && sample.images.length > 0;
    const otherImages = needsOthers ? await otherImagesOf(sample, signal) : [];
    return applyVariant(sample, variant, { seed, choiceTemplate, otherImages });
  };
}

function followImages(rows: TaskRows) {
  let pairs: ReturnType<typeof withOtherImages> | undefined;
  let current: Awaited<ReturnType<ReturnType<typeof withOtherImages>['next']>> | undefined;
  return async ({ id }: EvalSample, signal: AbortSignal) => {
    pairs ??= withOtherImages(samplesOf(rows, signal));
    while (current?.value?.sample.id !== id) {
      current = await pairs.next();
      invariant(!current.done, `${id} comes after the samples before it`);
    }
    return current.value.otherImages;
  };
}

async function* samplesOf(
  { task, source }: TaskRows,
  signal: AbortSignal,
): AsyncGenerator<EvalSample> {
  for await (const row of readTaskSamples(task, source, signal)) {
    if (row.kind === 'sample') yield row.sample;
  }
}
