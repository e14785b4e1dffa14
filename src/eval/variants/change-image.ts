/** Images without what they show: the same size, none or only local detail of the original. */
import type { Rng } from '../../core/rng.ts';
import { greyImage } from '../../image/grey-image.ts';
import { shownPixels, toPng } from '../../image/raster.ts';
import type { Bitmap } from '../../image/resample.ts';

/** Tiles along each side: small enough to break organs up, large enough to leave texture. */
const tilesAlong = 4;

/** A grey PNG of the size that the image is shown in; undefined where that cannot be read. */
export async function blankImage(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  return unlessUndecodable(async () => (await greyImage({ bytes, name: '' })).bytes);
}

/**
 * A PNG of the same pixels, of which no tile stays in its place. Rows and columns that are left over at
 * the right and lower edge stay.
 *
 * @returns Undefined where the image cannot be decoded, or is a single pixel.
 */
export async function shuffledImage(bytes: Uint8Array, rng: Rng): Promise<Uint8Array | undefined> {
  return unlessUndecodable(async () => {
    const image = await shownPixels(bytes);
    if (image.width * image.height < 2) return undefined;
    return toPng({ ...image, pixels: moveTiles(image, rng) });
  });
}

function moveTiles({ pixels, width, height, channels }: Bitmap, rng: Rng): Uint8Array {
  const columns = Math.min(tilesAlong, width);
  const rows = Math.min(tilesAlong, height);
  const tileWidth = Math.floor(width / columns);
  const tileHeight = Math.floor(height / rows);
  const offsetOf = (tile: number, line: number) => {
    const x = (tile % columns) * tileWidth;
    const y = Math.floor(tile / columns) * tileHeight + line;
    return (y * width + x) * channels;
  };
  const moved = Uint8Array.from(pixels);
  for (const [to, from] of cyclicOrder(columns * rows, rng).entries()) {
    for (let line = 0; line < tileHeight; line++) {
      const source = offsetOf(from, line);
      moved.set(pixels.subarray(source, source + tileWidth * channels), offsetOf(to, line));
    }
  }
  return moved;
}

/** A random order in which nothing keeps its place (Sattolo 1986, Inf. Process. Lett. 22). */
function cyclicOrder(count: number, rng: Rng): number[] {
  const order = Array.from({ length: count }, (_, place) => place);
  for (let last = count - 1; last > 0; last--) {
    const other = rng.integer(last);
    const moved = order[last] as number;
    order[last] = order[other] as number;
    order[other] = moved;
  }
  return order;
}

/** A header can promise pixels that the rest of a file does not have. */
async function unlessUndecodable(
  make: () => Promise<Uint8Array | undefined>,
): Promise<Uint8Array | undefined> {
  try {
    return await make();
  } catch {
    return undefined;
  }
}
