import type { ImageFile } from '../core/sample.ts';
import { plainPng, shownSize } from './raster.ts';

const midGrey = { r: 128, g: 128, b: 128 } as const;

/** A mid-grey PNG of the size that the image is shown in. Rejects where its header cannot be read. */
export async function greyImage({ bytes, name }: ImageFile): Promise<ImageFile> {
  const { width, height } = await shownSize(bytes);
  return { bytes: await plainPng(width, height, midGrey), name: `grey in place of ${name}` };
}
