/**
 * Test support: shards in the schema of MBZUAI/medix-rl-data (arXiv 2602.23363), of which the public set has 46:
 * `id`, `image` (a list of {bytes, path} of RGBA pictures), `source`, `problem`, `solution`, and what the library
 * `datasets` adds to the file.
 */
import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import sharp from 'sharp';
import { modalities } from '../core/modality.ts';
import { listOf, textColumn } from './write.fixture.ts';

const schema: SchemaElement[] = [
  { name: 'schema', num_children: 5 },
  textColumn('id'),
  ...listOf('image', [
    { name: 'element', repetition_type: 'OPTIONAL', num_children: 2 },
    { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
    textColumn('path'),
  ]),
  textColumn('source'),
  textColumn('problem'),
  textColumn('solution'),
];

const text = { dtype: 'string', _type: 'Value' };
const features = {
  id: text,
  image: { feature: { mode: 'RGBA', _type: 'Image' }, _type: 'List' },
  source: text,
  problem: text,
  solution: text,
};

/** The files of the data set by their paths. */
export async function medixRlData(rowsOfShard = 6): Promise<Readonly<Record<string, Uint8Array>>> {
  const names = [
    'data/train-00000-of-00003.parquet',
    'data/train-00001-of-00003.parquet',
    'data/train-00002-of-00003.parquet',
    'data/test-00000-of-00001.parquet',
  ];
  const files: Record<string, Uint8Array> = {};
  for (const [shard, name] of names.entries()) files[name] = await shardOf(shard, rowsOfShard);
  return files;
}

async function shardOf(shard: number, rows: number): Promise<Uint8Array> {
  const numbers = Array.from({ length: rows }, (_, i) => shard * rows + i);
  // Most questions have one image, some have none or two.
  const images = numbers.map((n) => Array.from({ length: n % 6 === 5 ? 2 : 1 }, (_, i) => n + i));
  const column = (name: string, data: readonly unknown[]) => ({ name, data: [...data] });
  const columnData = [
    column(
      'id',
      numbers.map((n) => `medix_${n}`),
    ),
    column('image', await Promise.all(images.map((seeds) => Promise.all(seeds.map(pictureOf))))),
    column(
      'source',
      numbers.map((n) => (n % 2 === 0 ? 'pmc_vqa' : 'rad_vqa')),
    ),
    column(
      'problem',
      numbers.map((n) => `${'<image>'.repeat(n % 6 === 5 ? 2 : 1)}What is shown?`),
    ),
    column(
      'solution',
      numbers.map((n) => `<${modalities[n % modalities.length]}>finding ${n}`),
    ),
  ];
  const kvMetadata = [{ key: 'huggingface', value: JSON.stringify({ info: { features } }) }];
  return new Uint8Array(parquetWriteBuffer({ columnData, schema, kvMetadata, rowGroupSize: 4 }));
}

/** A ramp under a ramp of transparency. */
async function pictureOf(seed: number) {
  const side = 32;
  const pixels = Uint8Array.from({ length: side * side * 4 }, (_, i) => {
    const [pixel, channel] = [i >> 2, i % 4];
    return channel === 3 ? (pixel % side) * 8 : (pixel * (channel + 1) + seed * 40) % 256;
  });
  const raw = { width: side, height: side, channels: 4 } as const;
  const bytes = new Uint8Array(await sharp(pixels, { raw }).png().toBuffer());
  return { bytes, path: `image_${seed}.png` };
}
