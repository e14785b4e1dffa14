import sharp from 'sharp';
import { anatomies } from './anatomies.ts';
import { imageSize } from './canvas.ts';
import { type PhantomSplit, phantomStudy } from './study.ts';

/**
 * Draws a grid of phantoms for people to look at: one row a modality, `columns` studies each, three
 * times enlarged.
 *
 * @returns a PNG file
 */
export async function contactSheet(set: {
  readonly seed: number;
  readonly split: PhantomSplit;
  readonly columns: number;
}): Promise<Uint8Array> {
  const gap = 2;
  const scale = 3;
  const pitch = imageSize + gap;
  const rows = anatomies.length;
  const tiles = Array.from({ length: rows * set.columns }, (_, i) => {
    const column = i % set.columns;
    const row = Math.floor(i / set.columns);
    const { pixels, channels } = phantomStudy({ ...set, index: column * rows + row });
    return {
      input: Buffer.from(pixels),
      raw: { width: imageSize, height: imageSize, channels },
      left: column * pitch,
      top: row * pitch,
    };
  });
  const width = set.columns * pitch - gap;
  const height = rows * pitch - gap;
  const sheet = await sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite(tiles)
    .png()
    .toBuffer();
  return sharp(sheet)
    .resize(width * scale, height * scale, { kernel: 'nearest' })
    .png()
    .toBuffer();
}
