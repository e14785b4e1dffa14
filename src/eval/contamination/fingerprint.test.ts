import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../../core/rng.ts';
import { fingerprintOf, isSamePicture } from './fingerprint.ts';

/** Blobs of grey on a dark ground, as in a scan; the key places them. */
async function scan(key: string, width = 240, height = 180): Promise<Buffer> {
  const rng = rngFromKey(key);
  const blobs = Array.from({ length: 14 }, () => {
    const grey = 60 + rng.integer(190);
    const [x, y] = [rng.integer(width), rng.integer(height)];
    return `<ellipse cx="${x}" cy="${y}" rx="${8 + rng.integer(40)}" ry="${8 + rng.integer(30)}" fill="rgb(${grey},${grey},${grey})"/>`;
  });
  const ground = `<rect width="${width}" height="${height}" fill="rgb(20,20,20)"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${ground}${blobs.join('')}</svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}

async function same(a: Uint8Array, b: Uint8Array): Promise<boolean> {
  const [one, other] = [await fingerprintOf(a), await fingerprintOf(b)];
  return one !== undefined && other !== undefined && isSamePicture(one, other);
}

describe('fingerprintOf', () => {
  const copies: Readonly<Record<string, (picture: Sharp) => Sharp>> = {
    'half the size as JPEG': (picture) => picture.resize(120, 90).jpeg({ quality: 50 }),
    'another shape': (picture) => picture.resize(224, 224, { fit: 'fill' }).png(),
    'brighter, with more contrast': (picture) => picture.linear(1.1, 10).webp({ quality: 70 }),
    'turned by its header': (picture) =>
      picture.rotate(270).withMetadata({ orientation: 6 }).jpeg(),
  };
  it.each(Object.entries(copies))('knows a copy: %s', async (_, change) => {
    for (const key of ['a', 'b', 'c']) {
      const picture = await scan(key);
      expect(await same(picture, await change(sharp(picture)).toBuffer())).toBe(true);
    }
  });

  it('tells different scans apart', async () => {
    const scans = await Promise.all(Array.from({ length: 12 }, (_, i) => scan(`scan ${i}`)));
    for (const [i, one] of scans.entries()) {
      for (const other of scans.slice(i + 1)) expect(await same(one, other)).toBe(false);
    }
  });

  it('has none for one colour and for bytes that are no image', async () => {
    const grey = { create: { width: 40, height: 40, channels: 3, background: '#808080' } } as const;
    expect(await fingerprintOf(await sharp(grey).png().toBuffer())).toBeUndefined();
    expect(await fingerprintOf(Uint8Array.of(1, 2, 3))).toBeUndefined();
  });
});
