import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from './decode-image.ts';
import { flawOfHeader, greyThumbnail, shownPixels } from './raster.ts';

const colourTypes = { 1: 0, 2: 4, 3: 2, 4: 6 } as const;

/** A PNG of one row of 16-bit pixels. */
async function png16(values: readonly number[], channels: 1 | 2 | 3 | 4): Promise<Uint8Array> {
  const row = Buffer.alloc(1 + 2 * values.length);
  values.forEach((value, i) => {
    row.writeUInt16BE(value, 1 + 2 * i);
  });
  return pngOf(values.length / channels, 1, 16, colourTypes[channels], row);
}

function pngOf(width: number, height: number, bits: number, type: number, rows: Uint8Array) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, type], 8);
  const chunk = (kind: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(kind), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A TIFF of one row of grey pixels; sample formats: 1 unsigned, 2 signed, 3 floating point. */
function tiff(values: Float32Array | Int16Array | Int32Array | Uint32Array, format: 1 | 2 | 3) {
  const data = Buffer.from(values.buffer);
  const bits = 8 * values.BYTES_PER_ELEMENT;
  const tags = [
    [256, values.length],
    [257, 1],
    [258, bits],
    [259, 1],
    [262, 1],
    [273, 8],
    [277, 1],
    [278, 1],
    [279, data.length],
    [339, format],
  ];
  const file = Buffer.alloc(8 + data.length + 2 + 12 * tags.length + 4);
  file.write('II*\0', 'latin1');
  file.writeUInt32LE(8 + data.length, 4);
  file.set(data, 8);
  file.writeUInt16LE(tags.length, 8 + data.length);
  tags.forEach(([tag = 0, value = 0], i) => {
    const at = 10 + data.length + 12 * i;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(4, at + 2);
    file.writeUInt32LE(1, at + 4);
    file.writeUInt32LE(value, at + 8);
  });
  return new Uint8Array(file);
}

async function reds(bytes: Uint8Array): Promise<number[]> {
  const { pixels } = await decodeImage({ bytes, name: 'scan' });
  return Array.from({ length: pixels.length / 3 }, (_, i) => pixels[3 * i]!);
}

async function failureOf(bytes: Uint8Array): Promise<string> {
  return decodeImage({ bytes, name: 'scan' }).then(
    () => 'no failure',
    (error: Error) => error.message,
  );
}

describe('16 bits a channel', () => {
  it('keep their upper 8 where the values need them', async () => {
    expect(await reds(await png16([0, 257, 32768, 65535], 1))).toEqual([0, 1, 128, 255]);
    expect(await reds(await png16([0, 20000, 16384], 1))).toEqual([0, 78, 64]);
  });

  it.each([
    [8, [0, 128, 255], [0, 128, 255]],
    [10, [0, 512, 1023], [0, 128, 255]],
    [12, [0, 2048, 4095], [0, 128, 255]],
    [12, [0, 1024, 1100], [0, 64, 68]],
    [14, [0, 8192, 16383], [0, 128, 255]],
  ])('that hold data of %i bits do not come out black', async (_, values, shown) => {
    expect(await reds(await png16(values, 1))).toEqual(shown);
    expect(
      await reds(
        await png16(
          values.flatMap((v) => [v, 65535]),
          2,
        ),
      ),
    ).toEqual(shown);
    expect(
      await reds(
        await png16(
          values.flatMap((v) => [v, v, v]),
          3,
        ),
      ),
    ).toEqual(shown);
    expect(
      await reds(
        await png16(
          values.flatMap((v) => [v, v, v, 65535]),
          4,
        ),
      ),
    ).toEqual(shown);
    expect((await shownPixels(await png16(values, 1))).pixels.length).toBe(values.length);
  });

  it('show in thumbnails as they are decoded', async () => {
    const thumbnail = await greyThumbnail(await png16([4095, 4095, 4095, 4095], 1), 1);
    expect(thumbnail?.[0]).toBe(255);
  });
});

describe('values that are no 8-bit grey', () => {
  it('are scaled where they are shares of white, or have the range of such grey', async () => {
    expect(await reds(tiff(Float32Array.of(0, 0.5, 1), 3))).toEqual([0, 128, 255]);
    expect(await reds(tiff(Float32Array.of(0, 99.6, 255), 3))).toEqual([0, 100, 255]);
    expect(await reds(tiff(Uint32Array.of(0, 2048, 4095), 1))).toEqual([0, 128, 255]);
    expect(await reds(tiff(Uint32Array.of(0, 32768, 65535), 1))).toEqual([0, 128, 255]);
  });

  it.each([
    ['Hounsfield units', tiff(Float32Array.of(-1000, 0, 3000), 3), /a pixel value of -1000/],
    ['NaN', tiff(Float32Array.of(Number.NaN, 1), 3), /a pixel value of NaN/],
    ['large values', tiff(Float32Array.of(0, 4000), 3), /pixel values up to 4000/],
    ['signed integers', tiff(Int16Array.of(-5, 5), 2), /pixels of the type short/],
    ['larger integers', tiff(Int32Array.of(0, 70_000), 2), /70000, more than 16 bits/],
  ])('are refused by name where they have no meaning: %s', async (_, bytes, message) => {
    expect(await failureOf(bytes)).toMatch(message);
  });
});

describe('what is no image that this build reads', () => {
  it('is one short line that names the formats that it reads', async () => {
    for (const text of [
      '',
      'BM and more',
      '<svg xmlns="http://www.w3.org/2000/svg"/>',
      '%PDF-1.4',
    ]) {
      expect(await failureOf(Buffer.from(text))).toMatch(
        /^image scan: expected a complete PNG, JPEG, WebP, GIF, TIFF or AVIF file, got \d+ bytes \(no PNG/,
      );
    }
    const heic = Buffer.from('000000186674797068656963', 'hex');
    expect(await failureOf(heic)).toMatch(/expected a complete PNG/);
    const png = await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    expect(await failureOf(png.subarray(0, 60))).not.toContain('\n');
  });

  it('is one of more pixels than memory has room for, however small its file', async () => {
    const side = 16_000;
    const bomb = pngOf(side, side, 1, 0, Buffer.alloc((side / 8 + 1) * side));
    expect(bomb.length).toBeLessThan(40_000);
    const before = process.memoryUsage.rss();
    expect(await failureOf(bomb)).toMatch(/16000 × 16000 pixels, more than 67108864/);
    expect(await flawOfHeader(bomb)).toMatch(/16000 × 16000/);
    expect(await greyThumbnail(bomb, 8)).toBeUndefined();
    expect(process.memoryUsage.rss() - before).toBeLessThan(2 ** 27);
  });
});
