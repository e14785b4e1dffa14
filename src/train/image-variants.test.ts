import { expect, it } from 'vitest';
import type { Sample } from '../core/sample.ts';
import { phantomSample } from '../data/phantoms/study.ts';
import { imageVariants } from './image-variants.ts';

const study = phantomSample({ seed: 5, split: 'test', index: 0 });
const image = (byte: number) => [{ bytes: Uint8Array.of(byte), name: `${byte}.png` }];
const setOf = (...rows: readonly Pick<Sample, 'id' | 'modality' | 'images'>[]) => {
  const samples = rows.map((row) => ({ ...study, ...row }));
  return { size: samples.length, at: async (index: number) => samples[index] ?? study };
};

it('takes the images of the next sample of the modality that has others, and of any where there is none', async () => {
  const samples = setOf(
    { id: 'a', modality: 'CT_SCAN', images: image(1) },
    { id: 'b', modality: 'CT_SCAN', images: image(1) },
    { id: 'c', modality: 'X_RAY', images: image(2) },
    { id: 'd', modality: 'CT_SCAN', images: image(3) },
  );
  const { other } = imageVariants(samples);
  const shown = await Promise.all([0, 1, 2, 3].map(async (i) => (await other.at(i)).images));
  expect(shown).toEqual([image(3), image(3), image(3), image(1)]);
});
