/**
 * The same question put in another way, to learn what its answer depends on. A changed sample keeps its id
 * and cluster, so that its answer can be paired with the answer to the original question. What is changed
 * follows from seed and id alone.
 */
import { digestOfBytes } from '../../core/digest.ts';
import { rngFromKey } from '../../core/rng.ts';
import type { ImageFile } from '../../core/sample.ts';
import type { Variant } from '../results/records.ts';
import type { EvalSample } from '../tasks/sample.ts';
import type { Task } from '../tasks/task-schema.ts';
import { blankImage, shuffledImage } from './change-image.ts';
import type { NotApplicable } from './not-applicable.ts';
import { chooseOtherImages, type OtherImages } from './other-images.ts';
import { permuteOptions } from './permute-options.ts';

export type VariantContext = {
  /** Seed of what is drawn: tiles, images, places of options. */
  readonly seed: number;
  /** The task's choice template, which puts permuted options into the question. */
  readonly choiceTemplate: Task['choiceTemplate'];
  /** See {@link withOtherImages}; only `wrong-image` looks at them. */
  readonly otherImages: readonly OtherImages[];
};

/**
 * - `original`: the sample itself.
 * - `blank-image`: every image mid grey, of the same size.
 * - `shuffled-image`: every image cut into tiles that change places.
 * - `wrong-image`: as many images of other clusters, of the same modality where there are enough.
 * - `permuted-options`: the options moved on by some places under the same letters; the letter of the
 *   right one follows.
 *
 * @returns the changed sample, or why there is none; that is no failure of any model
 */
export async function applyVariant(
  sample: EvalSample,
  variant: Variant,
  context: VariantContext,
): Promise<EvalSample | NotApplicable> {
  switch (variant) {
    case 'original':
      return sample;
    case 'permuted-options':
      return permuteOptions(sample, context);
    case 'wrong-image':
      return exchangeImages(sample, context);
    case 'blank-image':
      return changeImages(sample, ({ bytes }) => blankImage(bytes));
    case 'shuffled-image':
      return changeImages(sample, ({ bytes }, place) =>
        shuffledImage(bytes, rngFromKey(`${context.seed}/${sample.id}/shuffled-image/${place}`)),
      );
  }
}

const withoutImages = { kind: 'not-applicable', reason: 'no-image' } as const;

async function changeImages(
  sample: EvalSample,
  change: (image: ImageFile, place: number) => Promise<Uint8Array | undefined>,
): Promise<EvalSample | NotApplicable> {
  if (sample.images.length === 0) return withoutImages;
  const images: ImageFile[] = [];
  for (const [place, image] of sample.images.entries()) {
    const bytes = await change(image, place);
    if (bytes === undefined) return { kind: 'not-applicable', reason: 'image-cannot-be-changed' };
    images.push({ bytes, name: image.name });
  }
  const imageDigests = images.map(({ bytes }) => digestOfBytes(bytes));
  return { ...sample, images, imageDigests };
}

function exchangeImages(
  sample: EvalSample,
  { seed, otherImages }: VariantContext,
): EvalSample | NotApplicable {
  if (sample.images.length === 0) return withoutImages;
  const chosen = chooseOtherImages(
    sample,
    otherImages,
    rngFromKey(`${seed}/${sample.id}/wrong-image`),
  );
  if (chosen === undefined) return { kind: 'not-applicable', reason: 'no-other-image' };
  const { images, digests } = chosen;
  return { ...sample, images, imageDigests: digests };
}
