import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { expect, test } from 'vitest';
import { digestOfBytes } from '../../core/digest.ts';
import { toPng } from '../../image/raster.ts';
import { resizeBicubic } from '../../image/resample.ts';
import { readModelFiles } from '../files/model-files.ts';
import {
  largestDifference,
  tinyCases,
  tinyImage,
  tinyModelDirectory,
  tinyTensor,
} from '../tiny-model.fixture.ts';
import { bitmapOf, processImage, smartResize } from './image-processor.ts';
import { readImageSettings, writeImageSettings } from './image-settings.ts';

const settings = readImageSettings(await readModelFiles(tinyModelDirectory));
const publishedPixels: readonly {
  readonly image: string;
  readonly minPixels: number;
  readonly maxPixels: number;
  readonly grid: readonly number[];
  readonly sha256: string;
}[] = JSON.parse(
  readFileSync(
    new URL('../../../test/fixtures/qwen2-5-vl-tiny/published-pixels.json', import.meta.url),
    'utf8',
  ),
);
const imageCases = tinyCases.filter((tiny) => tiny.grids.length > 0);

test.each(imageCases)('patches of "$name" equal those of transformers', async (tiny) => {
  const files = tiny.messages.flatMap(({ content }) =>
    content.flatMap((part) => (part.type === 'image' ? [part.image] : [])),
  );
  const images = await Promise.all(files.map((file) => processImage(tinyImage(file), settings)));
  expect(images.map(({ grid }) => [grid.t, grid.h, grid.w])).toEqual(tiny.grids);
  const patches = images.flatMap((image) => Array.from(image.patches));
  expect(largestDifference(patches, await tinyTensor(tiny.name, 'pixel_values'))).toBe(0);
});

test.each(imageCases)(
  'the pixels of the patches of "$name" are cut into them again',
  async (tiny) => {
    const files = tiny.messages.flatMap(({ content }) =>
      content.flatMap((part) => (part.type === 'image' ? [part.image] : [])),
    );
    for (const file of files) {
      const seen = await processImage(tinyImage(file), settings);
      const bytes = await toPng(bitmapOf(seen, settings));
      expect(await processImage({ name: 'sent.png', bytes }, settings)).toEqual(seen);
    }
  },
);

test.each(publishedPixels)(
  '$image between $minPixels and $maxPixels pixels has the patches that Qwen2.5-VL sees',
  async (golden) => {
    const { minPixels, maxPixels } = golden;
    const { patches, grid } = await processImage(tinyImage(golden.image), {
      ...{ patchSize: 14, temporalPatchSize: 2, mergeSize: 2, minPixels, maxPixels },
      mean: [0.48145466, 0.4578275, 0.40821073],
      std: [0.26862954, 0.26130258, 0.27577711],
    });
    expect([grid.t, grid.h, grid.w]).toEqual(golden.grid);
    expect(digestOfBytes(new Uint8Array(patches.buffer))).toBe(golden.sha256);
  },
);

const side = fc.integer({ min: 1, max: 3000 });

test('a resized image has whole blocks, an allowed area and its proportions to within a block', () => {
  const wide = { ...settings, minPixels: 256 * 256, maxPixels: 1024 * 1024 };
  fc.assert(
    fc.property(side, side, (width, height) => {
      fc.pre(Math.max(width, height) / Math.min(width, height) < 20);
      const target = smartResize(width, height, wide);
      expect([target.width % 32, target.height % 32]).toEqual([0, 0]);
      expect(target.width * target.height).toBeGreaterThanOrEqual(wide.minPixels);
      expect(target.width * target.height).toBeLessThanOrEqual(wide.maxPixels);
      const area = width * height;
      const scales = [1, Math.sqrt(wide.maxPixels / area), Math.sqrt(wide.minPixels / area)];
      const keepsProportions = scales.some(
        (scale) =>
          Math.abs(target.width - width * scale) <= 32 &&
          Math.abs(target.height - height * scale) <= 32,
      );
      expect(keepsProportions).toBe(true);
    }),
  );
});

test('sides halfway between two multiples round to the even one', () => {
  expect(smartResize(80, 112, settings)).toEqual({ width: 64, height: 128 });
});

test('resampling keeps a flat image flat at any size', () => {
  const small = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(
      small,
      small,
      small,
      small,
      fc.integer({ min: 0, max: 255 }),
      (w, h, w2, h2, value) => {
        const pixels = new Uint8Array(w * h * 2).fill(value);
        const resized = resizeBicubic({ pixels, width: w, height: h, channels: 2 }, w2, h2);
        expect(resized.pixels).toEqual(new Uint8Array(w2 * h2 * 2).fill(value));
      },
    ),
  );
});

/** A 64 × 64 image, so that nothing is resampled: upper half dark, lower half light. */
function halves(): Sharp {
  const pixels = Buffer.alloc(64 * 64 * 3, 200).fill(40, 0, 64 * 32 * 3);
  return sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } });
}

test('EXIF orientation is applied', async () => {
  const upright = await processImage(
    { bytes: await halves().png().toBuffer(), name: 'a' },
    settings,
  );
  const flipped = await halves().rotate(180).withMetadata({ orientation: 3 }).png().toBuffer();
  expect(await processImage({ bytes: flipped, name: 'b' }, settings)).toEqual(upright);
});

test('gray, gray with alpha and 16-bit files become RGB', async () => {
  const value = (byte: number) => Math.fround((byte - 127.5) / 127.5);
  const raw = (channels: 1 | 2 | 4, bytes: number[]) =>
    sharp(Buffer.from(Array.from({ length: 64 * 64 }, () => bytes).flat()), {
      raw: { width: 64, height: 64, channels },
    });
  const first = async (image: Sharp) =>
    (await processImage({ bytes: await image.png().toBuffer(), name: 'x' }, settings)).patches[0];
  expect(await first(raw(1, [77]))).toBe(value(77));
  expect(await first(raw(2, [77, 255]))).toBe(value(77));
  expect(await first(raw(2, [77, 0]))).toBe(value(255));
  expect(await first(raw(4, [0, 9, 9, 128]))).toBe(value(127));
  expect(await first(raw(1, [77]).toColourspace('grey16'))).toBe(value(77));
});

test('CMYK is converted by the plain formula', async () => {
  const ink = { create: { width: 64, height: 64, channels: 3, background: '#ff0000' } } as const;
  const bytes = await sharp(ink).toColourspace('cmyk').tiff().toBuffer();
  const { data } = await sharp(bytes, { ignoreIcc: true })
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const [cyan, , , black] = data;
  const red = Math.round(((255 - cyan!) * (255 - black!)) / 255);
  const { patches } = await processImage({ bytes, name: 'ink' }, settings);
  expect(patches[0]).toBeCloseTo((red - 127.5) / 127.5, 2);
});

test.each([
  ['text', Buffer.from('not an image')],
  ['nothing', Buffer.alloc(0)],
  ['half a JPEG', Buffer.from(tinyImage('photo.jpg').bytes.subarray(0, 2000))],
  ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>')],
])('%s instead of an image is one error that names the image', async (_, bytes) => {
  await expect(processImage({ bytes, name: 'row 7, image 2' }, settings)).rejects.toThrow(
    'row 7, image 2',
  );
});

test('an image of extreme proportions is refused', async () => {
  const thin = sharp({ create: { width: 402, height: 2, channels: 3, background: 'red' } });
  const image = { bytes: await thin.png().toBuffer(), name: 'thin.png' };
  await expect(processImage(image, settings)).rejects.toThrow('402 × 2');
});

test('settings survive a round trip and come from either generation of files', () => {
  const file = JSON.stringify(writeImageSettings(settings));
  expect(readImageSettings({ 'preprocessor_config.json': file })).toEqual(settings);
  const older = { ...JSON.parse(file), size: undefined, min_pixels: 4096, max_pixels: 9216 };
  expect(readImageSettings({ 'preprocessor_config.json': JSON.stringify(older) })).toEqual(
    settings,
  );
});

test.each([
  ['a deviation of 0', { image_std: [0.5, 0, 0.5] }],
  ['a negative deviation', { image_std: [-0.5, 0.5, 0.5] }],
  ['a deviation of next to nothing', { image_std: [1e-300, 0.5, 0.5] }],
  ['a mean beyond all bounds', { image_mean: [0.5, 0.5, 1e308] }],
  ['a negative mean beyond 32 bits', { image_mean: [-1e39, 0.5, 0.5] }],
  ['a mean that overflows later', { image_mean: [1e20, 0.5, 0.5] }],
])('settings with %s are refused, since pixels would be no numbers', (_, change) => {
  const file = JSON.stringify({ ...writeImageSettings(settings), ...change });
  expect(() => readImageSettings({ 'preprocessor_config.json': file })).toThrow(
    /preprocessor_config\.json: image_mean and image_std: expected a mean and a deviation above 0/,
  );
});

test('settings of another processing are refused by name', () => {
  const other = JSON.stringify({ ...writeImageSettings(settings), resample: 2 });
  expect(() => readImageSettings({ 'preprocessor_config.json': other })).toThrow('resample');
  expect(() => readImageSettings({})).toThrow('processor_config.json');
});

test('of both generations of files, the nested settings count, as in transformers', () => {
  const file = writeImageSettings(settings);
  const nested = { processor_class: 'Qwen3VLProcessor', image_processor: file };
  const stale = JSON.stringify({ ...file, size: { shortest_edge: 1, longest_edge: 2 } });
  const both = {
    'preprocessor_config.json': stale,
    'processor_config.json': JSON.stringify(nested),
  };
  expect(readImageSettings(both)).toEqual(settings);
  const bare = { ...both, 'processor_config.json': '{"processor_class": "Qwen3VLProcessor"}' };
  expect(readImageSettings(bare).maxPixels).toBe(2);
});

test('settings that would blow up every image are refused', () => {
  for (const change of [
    { patch_size: 2 ** 20 },
    { merge_size: 4096 },
    { temporal_patch_size: 1e6 },
    { size: { shortest_edge: 1e12, longest_edge: 1e12 } },
  ]) {
    const file = JSON.stringify({ ...writeImageSettings(settings), ...change });
    expect(() => readImageSettings({ 'preprocessor_config.json': file })).toThrow(/preprocessor/);
  }
});
