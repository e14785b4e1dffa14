import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Sample } from '../core/sample.ts';
import { type OpenedSet, openSampleSet } from './open-sample-set.ts';
import { encodePng } from './phantoms/png.ts';
import { phantomSamples } from './phantoms/study.ts';
import { writeSamples } from './write.fixture.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-set-'));
});
afterEach(() => rm(folder, { recursive: true }));

const samples: readonly Sample[] = [...phantomSamples({ seed: 1, split: 'test', count: 30 })];
const inOrder = ({ size, at }: OpenedSet) =>
  Promise.all(Array.from({ length: size }, (_, i) => at(i)));
const onDisk = { keptBytes: 0 } as const;

const textRows = Array.from({ length: 20_000 }, (_, i) => ({
  id: `row ${i}`,
  problem: `Which "side", of ${i}?`,
  solution: i % 1000 === 999 ? '<ODD>side' : `<CT_SCAN>side ${i}, or none`,
}));

const cells = (row: object) =>
  Object.values(row)
    .map((cell: string) => `"${cell.replaceAll('"', '""')}"`)
    .join(',');

const contents = {
  'rows.jsonl': () => textRows.map((row) => JSON.stringify(row)).join('\n'),
  'rows.json': () => JSON.stringify(textRows, null, 1),
  'rows.csv': () => ['id,problem,solution', ...textRows.map(cells)].join('\r\n'),
  'rows.parquet': () => {
    const column = (name: 'id' | 'problem' | 'solution') => {
      return { name, data: textRows.map((row) => row[name]) };
    };
    const columnData = (['id', 'problem', 'solution'] as const).map(column);
    return new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 15_000 }));
  },
} as const;

describe('a data set whose rows stay on disk', () => {
  it.each(['set.parquet', 'set.jsonl'])('has the samples of %s that memory has', async (name) => {
    const path = join(folder, name);
    await writeSamples(path, samples);
    const inMemory = await openSampleSet(path);
    const left = await openSampleSet(path, onDisk);
    expect(await inOrder(inMemory)).toEqual(samples);
    expect(await inOrder(left)).toEqual(samples);
    expect(left.digest).toBe(inMemory.digest);
  });

  it.each(Object.keys(contents) as (keyof typeof contents)[])(
    'gives any row of %s alone, in any order, past those that are left out',
    async (name) => {
      const path = join(folder, name);
      await writeFile(path, contents[name]());
      const set = await openSampleSet(path, { ...onDisk, textOnly: true });
      expect([set.size, set.rejected.count]).toEqual([19_980, 20]);
      const wanted = [19_979, 0, 998, 999, 7000, 8191, 8192, 15_000, 3];
      const found = await Promise.all(wanted.map((index) => set.at(index)));
      const used = textRows.filter((_, i) => i % 1000 !== 999);
      expect(found.map(({ id }) => id)).toEqual(wanted.map((index) => used[index]?.id));
      expect(found[1]?.problem).toBe('Which "side", of 0?');
    },
  );

  it('is another one where a text or the size of an image is another', async () => {
    const digestOf = async (changed: readonly Sample[]) => {
      await writeSamples(join(folder, 'set.jsonl'), changed);
      return (await openSampleSet(join(folder, 'set.jsonl'))).digest;
    };
    const few = samples.slice(0, 3);
    const [first, ...others] = few as [Sample, ...Sample[]];
    const whole = await digestOf(few);
    expect(await digestOf(few)).toBe(whole);
    expect(await digestOf([{ ...first, referenceAnswer: 'other' }, ...others])).not.toBe(whole);
    const image = { name: 'image', bytes: new Uint8Array(encodePng(Uint8Array.of(1), 1, 1, 1)) };
    expect(await digestOf([{ ...first, images: [image] }, ...others])).not.toBe(whole);
    expect(await digestOf(few.slice(1))).not.toBe(whole);
  });

  it('says so where a row or its image is no longer there', async () => {
    const png = encodePng(Uint8Array.of(1), 1, 1, 1);
    await writeFile(join(folder, 'a.png'), png);
    const row = { problem: 'Q?', solution: '<X_RAY>no', image: 'a.png' };
    await writeFile(join(folder, 'set.jsonl'), JSON.stringify(row));
    const set = await openSampleSet(join(folder, 'set.jsonl'), onDisk);
    expect((await set.at(0)).images[0]?.bytes).toEqual(new Uint8Array(png));
    await rm(join(folder, 'a.png'));
    await expect(set.at(0)).rejects.toThrow(/expected the row as it was.*"a\.png": no such file/);
    await writeFile(join(folder, 'set.jsonl'), '{}');
    await expect(set.at(0)).rejects.toThrow(/set\.jsonl/);
  });
});
