/** Review folders on disk. */
import { join } from 'node:path';
import { fail } from '../../core/errors.ts';
import { readText } from '../../core/files.ts';
import { readingAs } from '../../core/reading.ts';
import { requireSelfContained } from '../../run/self-contained.ts';
import {
  keySchema,
  type Rater,
  type Review,
  type ReviewKey,
  ratersSchema,
  reviewFiles,
  reviewSchema,
} from './review-set.ts';

/** What a page needs. */
export type OpenedReview = { readonly review: Review; readonly raters: readonly Rater[] };

/**
 * @throws MedixError 'data' where the folder holds no review, 'run' where a symbolic link in it leads out of it.
 */
export async function openReview(folder: string): Promise<OpenedReview> {
  const review = await read(folder, reviewFiles.review, (value) => reviewSchema.parse(value));
  const raters = await read(folder, reviewFiles.raters, (value) => ratersSchema.parse(value));
  await requireSelfContained(folder);
  return { review, raters };
}

/** @throws MedixError 'data' where the folder holds no key, or that of another review. */
export async function openKey(folder: string, review: Review): Promise<ReviewKey> {
  const key = await read(folder, reviewFiles.key, (value) => keySchema.parse(value));
  if (key.review === review.id) return key;
  return fail('data', {
    where: join(folder, reviewFiles.key),
    expected: `the key of review ${review.id}`,
    got: `that of ${key.review}`,
    next: 'restore the key.json that was made with this review',
  });
}

async function read<T>(folder: string, name: string, parse: (value: unknown) => T): Promise<T> {
  const path = join(folder, name);
  const asked = {
    boundary: 'data',
    where: path,
    expected: 'a review folder that `medix review create` wrote',
    next: 'correct the path',
  } as const;
  return readingAs(
    asked,
    () => readText(path),
    (text) => parse(JSON.parse(text)),
  );
}
