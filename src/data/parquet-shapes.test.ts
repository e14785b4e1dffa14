import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { loadSamples } from './load.fixture.ts';
import { readSamples } from './read.ts';

const fixtures = fileURLToPath(new URL('../../test/fixtures/parquet/', import.meta.url));
const inFixtures = (name: string) => join(fixtures, `${name}.parquet`);
const red = new Uint8Array(await readFile(join(fixtures, 'images/r.png')));

/** Images of each row, by the name of a file in `images/`. */
const shapes: Record<string, number[]> = JSON.parse(
  await readFile(join(fixtures, 'images/index.json'), 'utf8'),
);

async function outcomesOf(name: string) {
  const outcomes = [];
  for await (const outcome of readSamples(inFixtures(name))) outcomes.push(outcome);
  return outcomes;
}

async function idsOf(name: string): Promise<unknown[]> {
  return (await outcomesOf(name)).map((outcome) =>
    outcome.kind === 'sample' ? outcome.sample.id : outcome.problem,
  );
}

describe('images in parquet, as pyarrow and DuckDB write them', () => {
  it.each(Object.entries(shapes))('are read from %s', async (name, counts) => {
    const { samples, rejected } = await loadSamples(inFixtures(`images/${name}`));
    expect(rejected).toEqual([]);
    expect(samples.map(({ id, problem }) => [id, problem])).toEqual([
      ['a', 'Which side, a?'],
      ['b', 'Which side, b?'],
    ]);
    expect(samples.map(({ images }) => images.length)).toEqual(counts);
    for (const { images } of samples) {
      if (images[0]) expect(Buffer.compare(images[0].bytes, red)).toBe(0);
    }
  });
});

describe('pages of every codec', () => {
  const files = readdir(join(fixtures, 'codecs'));
  it('give all rows, also where a page or a row group is empty', async () => {
    for (const file of await files) {
      const { samples } = await loadSamples(join(fixtures, 'codecs', file));
      const rows = samples.map(({ id, source }) => [id, source]);
      expect([file, rows]).toEqual([file, Array.from({ length: 40 }, (_, i) => [`row ${i}`, ''])]);
    }
  });
});

describe('values of parquet', () => {
  it('that are no UTF-8 text refuse their row by the name of the column', async () => {
    const [bad, good] = await outcomesOf('values/latin1-binary');
    expect(bad).toMatchObject({
      kind: 'rejected',
      row: 0,
      problem: 'column "problem" is not UTF-8 text',
    });
    expect(good).toMatchObject({ kind: 'sample', sample: { problem: 'Where?' } });
  });

  it.each(['text-as-binary', 'large-text', 'dictionary-text'])('are text in %s', async (name) => {
    const [row] = await outcomesOf(`values/${name}`);
    expect(row).toMatchObject({ sample: { problem: expect.stringMatching(/Läsion\?$/) } });
  });

  it('keep every digit of a number', async () => {
    const big = ['12345678901234567001', '12345678901234567002'];
    expect(await idsOf('values/uint64-id')).toEqual(big);
    expect(await idsOf('values/decimal-id')).toEqual(big);
    expect(await idsOf('values/int64-id')).toEqual(['9007199254740993', '-9007199254740993']);
    expect(await idsOf('values/scaled-decimal-id')).toEqual(['12345678901234567.89', '-0.5']);
    expect(await idsOf('values/small-decimal-id')).toEqual(['7', 'small-decimal-id.parquet#1']);
    expect(await idsOf('values/duckdb-ubigint-id')).toEqual(big.slice(0, 1));
    expect(await idsOf('values/duckdb-decimal-id')).toEqual(big.slice(0, 1));
  });

  it('of other types read as people write them', async () => {
    expect(await idsOf('values/duckdb-uuid-id')).toEqual(['0b0e7d5a-2f6d-4f35-9d64-0a1f0f9a7c11']);
    expect(await idsOf('values/duckdb-date-id')).toEqual(['2024-02-29']);
    expect(await outcomesOf('values/duckdb-json-problem')).toMatchObject([
      { sample: { problem: 'Which side, a?' } },
    ]);
    expect(await outcomesOf('values/duckdb-no-rows')).toEqual([]);
  });

  it('that are no text are named as what they are', async () => {
    expect(await idsOf('values/nan-solution')).toEqual([
      'solution: is NaN, not text',
      'solution: is Infinity, not text',
    ]);
    expect(await idsOf('values/boolean-solution')).toEqual([
      'solution: is the boolean true, not text',
      'solution: is the boolean false, not text',
    ]);
    expect(await idsOf('values/list-problem')).toEqual(
      Array(2).fill('problem: is a list, not text'),
    );
  });
});

describe('folders of parquet', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'medix-parquet-'));
  afterAll(() => rm(folder, { recursive: true }));

  it('may be called like a file, as those of Spark and Dask, whose hidden files are none', async () => {
    const parts = join(folder, 'train.parquet');
    await mkdir(join(parts, '_temporary'), { recursive: true });
    for (const name of ['part-0.parquet', '.part-0.parquet.parquet', '_temporary/part-9.parquet']) {
      await symlink(inFixtures('values/large-text'), join(parts, name));
    }
    const { samples } = await loadSamples(folder);
    expect(samples).toHaveLength(2);
    expect((await loadSamples(parts)).samples).toEqual(samples);
  });
});
