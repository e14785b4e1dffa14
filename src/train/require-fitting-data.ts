/** Whether a model can see what it is trained on, told before its weights are read. */
import { fail } from '../core/errors.ts';
import type { ModelKind } from '../engine/find-model.ts';

/**
 * @param model undefined where nothing is known of it
 * @param textOnly `data.textOnly`: without it, a data set has images
 * @throws MedixError 'data' where the model reads text alone
 */
export function requireFittingData(model: ModelKind | undefined, textOnly: boolean): void {
  if (model === undefined || model.readsImages || textOnly) return;
  fail('data', {
    where: 'data.textOnly',
    expected: `true: the model reads text alone (${model.architecture})`,
    got: 'false, which is for data with images',
    next: 'set data.textOnly to true, with which rows that have images are left out, or use a vision-language model',
  });
}
