/** What a model answers without its images: the same questions with grey ones, and with those of other samples. */
import { defined } from '../core/errors.ts';
import type { Sample } from '../core/sample.ts';
import { greyImage } from '../image/grey-image.ts';
import type { SampleSet } from './sample-order.ts';

/** The same samples with their images, with grey ones, and with those of another sample, of the same modality if one has other images. */
export function imageVariants(
  samples: SampleSet,
): Readonly<Record<'own' | 'blank' | 'other', SampleSet>> {
  const changed = (images: (sample: Sample, index: number) => Promise<Sample['images']>) => ({
    size: samples.size,
    at: async (index: number) => {
      const sample = await samples.at(index);
      return { ...sample, images: await images(sample, index) };
    },
  });
  return {
    own: samples,
    blank: changed(({ images }) => Promise.all(images.map(greyImage))),
    other: changed((sample, index) => imagesOfOther(samples, sample, index)),
  };
}

/** Of the next sample of the same modality that has other images, the first one after the last; else of any. */
async function imagesOfOther(
  samples: SampleSet,
  { modality, images }: Sample,
  index: number,
): Promise<Sample['images']> {
  let next: Sample['images'] | undefined;
  for (let step = 1; step < samples.size; step++) {
    const other = await samples.at((index + step) % samples.size);
    if (areSame(other.images, images)) continue;
    if (other.modality === modality) return other.images;
    next ??= other.images;
  }
  return defined(next, 'a sample with other images');
}

function areSame(some: Sample['images'], others: Sample['images']): boolean {
  return (
    some.length === others.length &&
    some.every(({ bytes }, i) => Buffer.compare(bytes, defined(others[i], 'image').bytes) === 0)
  );
}
