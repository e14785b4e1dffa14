import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { decodeImage } from '../image/decode-image.ts';
import { medixRlData } from './medix-rl-data.fixture.ts';
import { openSampleSet } from './open-sample-set.ts';

it('the public data set is read with the defaults: shards in order, RGBA over white, no row left out', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'medix-public-'));
  for (const [name, bytes] of Object.entries(await medixRlData())) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  const set = await openSampleSet(`${folder}@train`, { textOnly: false, keptBytes: 0 });
  expect([set.size, set.rejected.count]).toEqual([18, 0]);
  const samples = await Promise.all(Array.from({ length: 18 }, (_, i) => set.at(17 - i)));
  expect(samples.map(({ id }) => id)).toEqual(samples.map((_, i) => `medix_${17 - i}`));
  expect(samples.map(({ images }) => images.length)).toContain(2);
  const [first] = samples;
  expect(first).toMatchObject({
    source: 'rad_vqa',
    modality: 'MICROSCOPY',
    referenceAnswer: 'finding 17',
  });
  const { pixels, width, height, channels } = await decodeImage(first!.images[0]!);
  expect([width, height, channels]).toEqual([32, 32, 3]);
  // Wholly transparent at the left, whatever colour lies under it.
  expect([...pixels.slice(0, 3)]).toEqual([255, 255, 255]);
  await rm(folder, { recursive: true });
});
