import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Sample } from '../core/sample.ts';
import { loadSamples } from './load.fixture.ts';
import { encodePng } from './phantoms/png.ts';
import { phantomSamples } from './phantoms/study.ts';
import { readSamples } from './read.ts';
import { writeSamples } from './write.fixture.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-read-'));
});
afterEach(() => rm(folder, { recursive: true }));

const inFolder = (name: string) => join(folder, name);
const image = (name: string) => ({ bytes: encodePng(Uint8Array.of(name.length), 1, 1, 1), name });
const sample = (id: string, changes: Partial<Sample> = {}): Sample => ({
  id,
  source: 'test',
  images: [image('a.png')],
  problem: 'Which side?',
  modality: 'CT_SCAN',
  referenceAnswer: 'left',
  accepted: [],
  ...changes,
});

async function writeRows(name: string, rows: readonly unknown[]): Promise<string> {
  const path = inFolder(name);
  await writeFile(path, rows.map((row) => JSON.stringify(row)).join('\n'));
  return path;
}

async function failureOf(location: string): Promise<string> {
  return loadSamples(location).then(
    () => 'no failure',
    (error: Error) => `${error.name}: ${error.message}`.replaceAll(folder, ''),
  );
}

describe.each(['set.parquet', 'set.jsonl'])('a data set in %s', (name) => {
  it('is read as it was written, with none, one or two images', async () => {
    const samples = [
      sample('none', { images: [] }),
      sample('one', { accepted: ['on the left', 'left side'], demonstration: '<CT_SCAN>…' }),
      sample('two', { images: [image('a.png'), image('ü.jpg')], problem: 'Line one\u2028two\nπ?' }),
    ];
    await writeSamples(inFolder(name), samples);
    expect(await loadSamples(inFolder(name))).toEqual({ samples, rejected: [] });
  });

  it('is read only as far as the limit', async () => {
    const samples = [...phantomSamples({ seed: 1, split: 'test', count: 40 })];
    await writeSamples(inFolder(name), samples);
    const { samples: first } = await loadSamples(inFolder(name), { limit: 3 });
    expect(first).toEqual(samples.slice(0, 3));
  });

  it('cut short is one clear error', async () => {
    await writeSamples(inFolder('whole'.concat(name)), [sample('a')]);
    const bytes = await readFile(inFolder('whole'.concat(name)));
    await writeFile(inFolder(name), bytes.subarray(0, bytes.length - 20));
    expect(await failureOf(inFolder(name))).toMatch(
      /^MedixError: \/set\.(parquet: expected a whole parquet file|jsonl: expected usable rows)/,
    );
  });

  it('stops when it is cancelled', async () => {
    await writeSamples(inFolder(name), [sample('a'), sample('b')]);
    const cancelling = new AbortController();
    const rows = readSamples(inFolder(name), { signal: cancelling.signal });
    await rows.next();
    cancelling.abort();
    await expect(rows.next()).rejects.toThrow('aborted');
  });
});

describe('locations', () => {
  it('pick a split of a folder, from one file, shards or a folder of its own', async () => {
    await writeSamples(inFolder('train-00001-of-00002.parquet'), [sample('b')]);
    await writeSamples(inFolder('train-00000-of-00002.parquet'), [sample('a')]);
    await writeSamples(inFolder('test.jsonl'), [sample('c')]);
    await mkdir(inFolder('validation'));
    await writeSamples(inFolder('validation/part.jsonl'), [sample('d')]);
    const idsAt = async (at: string) =>
      (await loadSamples(folder + at)).samples.map(({ id }) => id).join();
    expect(await idsAt('@train')).toBe('a,b');
    expect(await idsAt('@test')).toBe('c');
    expect(await idsAt('@validation')).toBe('d');
    expect(await idsAt('')).toBe('a,b');
    expect(await failureOf(`${folder}@dev`)).toMatch(
      /expected files of the split dev, .* got test\.jsonl/,
    );
  });

  it('take no longer name for a split, and no hidden file', async () => {
    for (const name of ['test.jsonl', 'test_hard.jsonl', 'testset.jsonl', 'train_set.jsonl']) {
      await writeSamples(inFolder(name), [sample(name)]);
    }
    await writeSamples(inFolder('.train.jsonl'), [sample('hidden')]);
    await mkdir(inFolder('_train'));
    await writeSamples(inFolder('_train/train.jsonl'), [sample('unfinished')]);
    const idsAt = async (at: string) =>
      (await loadSamples(folder + at)).samples.map(({ id }) => id).join();
    expect(await idsAt('@test')).toBe('test.jsonl');
    expect(await idsAt('@test_hard')).toBe('test_hard.jsonl');
    // Nothing but the training set, although no file is called just so.
    expect(await idsAt('')).toBe('train_set.jsonl');
    expect(await failureOf(`${folder}@train`)).toMatch(/expected files of the split train/);
  });

  it('that are pipes or devices are refused without waiting', async () => {
    expect(await failureOf('/dev/zero')).toMatch(/expected a file of rows: \.parquet/);
    execFileSync('/usr/bin/mkfifo', [inFolder('train.jsonl')]);
    expect(await failureOf(inFolder('train.jsonl'))).toMatch(/expected a file .*, got a pipe/);
    expect(await failureOf(folder)).toMatch(/expected files of rows .*, got none/);
  });

  it('that hold nothing to read are named', async () => {
    expect(await failureOf(inFolder('gone.parquet'))).toMatch(/gone\.parquet: .*no such file/);
    expect(await failureOf(folder)).toMatch(/expected files of rows .*, got none/);
    await writeFile(inFolder('table.xlsx'), 'a,b');
    expect(await failureOf(inFolder('table.xlsx'))).toMatch(/expected a file of rows: \.parquet/);
    await writeFile(inFolder('empty.jsonl'), '\n');
    expect(await failureOf(inFolder('empty.jsonl'))).toMatch(/expected rows, got none/);
  });
});

describe('rows', () => {
  const good = { id: 'good', problem: 'Q?', solution: '<X_RAY> no ' };

  it('that are broken are told by id, and the others are read', async () => {
    const path = await writeRows('set.jsonl', [
      { ...good, id: 'no question', problem: ' ' },
      { ...good, id: 'no solution', solution: undefined },
      { ...good, id: 'odd tag', solution: '<XRAY>no' },
      { ...good, id: 'no answer', solution: '<X_RAY> ' },
      { ...good, id: 'no image', image: ['missing.png'] },
      { ...good, id: 'bad base64', image: [{ bytes: '?' }] },
      { problem: 'Q?', solution: 'untagged' },
      [],
      good,
    ]);
    const { samples, rejected } = await loadSamples(path);
    expect(samples).toEqual([
      {
        ...sample('good'),
        source: '',
        images: [],
        problem: 'Q?',
        modality: 'X_RAY',
        referenceAnswer: 'no',
      },
    ]);
    expect(rejected.map(({ id, row, cause, problem }) => [id, row, cause, problem])).toEqual([
      ['no question', 0, 'malformed', 'problem: is empty'],
      ['no solution', 1, 'malformed', 'solution: is missing'],
      ['odd tag', 2, 'untagged', expect.stringContaining('"<XRAY>no"')],
      ['no answer', 3, 'malformed', 'solution <X_RAY> has no answer'],
      ['no image', 4, 'malformed', expect.stringContaining('"missing.png": no such file')],
      ['bad base64', 5, 'malformed', expect.stringContaining('image')],
      ['set.jsonl#6', 6, 'untagged', expect.stringContaining('"untagged"')],
      ['set.jsonl#7', 7, 'malformed', 'the line is no JSON object but a list'],
    ]);
  });

  it('may name images by path, relative to their file', async () => {
    const { bytes } = image('scan.png');
    await writeFile(inFolder('scan.png'), bytes);
    const rows = [
      { ...good, images: ['scan.png'] },
      { ...good, image: { path: 'scan.png', bytes: null } },
    ];
    const { samples } = await loadSamples(await writeRows('set.jsonl', rows));
    for (const { images } of samples) {
      expect(images).toEqual([{ name: 'scan.png', bytes: new Uint8Array(bytes) }]);
    }
  });

  it('that all lack the tag fail with the list of tags and the first five rows', async () => {
    const rows = Array.from({ length: 7 }, (_, i) => ({ ...good, id: `r${i}`, solution: 'no' }));
    const failure = await failureOf(await writeRows('set.jsonl', rows));
    expect(failure).toMatch(/solutions like <TAG>answer, with a tag of <X_RAY> .* got 7 rows/);
    expect(failure.split('\n')).toHaveLength(6);
    expect(failure).toMatch(/row 4 \(r4\)/);
  });

  it('of a parquet file without the columns fail with those that it has', async () => {
    const columnData = [
      { name: 'problem', data: ['Q?'] },
      { name: 'answer', data: ['no'] },
    ];
    await writeFile(inFolder('set.parquet'), Buffer.from(parquetWriteBuffer({ columnData })));
    expect(await failureOf(inFolder('set.parquet'))).toMatch(
      /got no solution; its columns are problem, answer/,
    );
  });
});

describe('questions without images', () => {
  const row = { problem: 'Q?', solution: '<X_RAY>no' };
  const png = Buffer.from(image('x').bytes).toString('base64');
  const problemsOf = async (rows: readonly unknown[], textOnly?: boolean) => {
    const path = await writeRows('set.jsonl', rows);
    const reading = textOnly === undefined ? {} : { textOnly };
    return loadSamples(path, reading).then(
      ({ rejected }) => rejected.map(({ problem }) => problem),
      (error: Error) => error.message.replaceAll(folder, ''),
    );
  };

  it('are refused as a whole set, unless it is said to be one of texts', async () => {
    expect(await problemsOf([row, row], false)).toMatch(
      /got 2 rows without an image; name the column of images with data\.columns\.images, or set data\.textOnly to true/,
    );
    expect(await problemsOf([row, row], true)).toEqual([]);
    expect(await problemsOf([row, row])).toEqual([]);
    expect(await problemsOf([row, { ...row, image: png }], false)).toEqual([]);
    expect(await problemsOf([row, { ...row, image: png }], true)).toEqual([
      '1 images, and data.textOnly is true',
    ]);
  });

  it('needs no tag where the questions are text alone, and no answer is one', async () => {
    const solutions = ['yes', '<MRI_SCAN>brain', '<MRI>brain', ' '];
    const path = await writeRows(
      'text.jsonl',
      solutions.map((solution) => ({ problem: 'Q?', solution })),
    );
    const { samples, rejected } = await loadSamples(path, { textOnly: true });
    expect(samples.map(({ modality, referenceAnswer }) => [modality, referenceAnswer])).toEqual([
      [undefined, 'yes'],
      ['MRI_SCAN', 'brain'],
    ]);
    expect(rejected.map(({ cause }) => cause)).toEqual(['untagged', 'malformed']);
  });

  it.each([
    ['img', 'x.png'],
    ['image_path', 'scans/7'],
    ['imageFile', 'a'],
    ['pictures', [{ bytes: png, path: null }]],
    ['file', 'scans/7.JPG'],
    ['content', png],
    ['data', { bytes: `data:image/png;base64,${png}` }],
    ['dicom', 'study.dcm'],
  ])('are refused where %s seems to hold their images', async (column, value) => {
    const rows = [
      { ...row, image: png },
      { ...row, [column]: value },
    ];
    expect(await problemsOf(rows, false)).toEqual([
      expect.stringContaining(`something like one in ${column}`),
    ]);
    expect(await problemsOf([{ ...row, [column]: value }], true)).toEqual([]);
  });

  it.each([
    ['topic', 'imaging of the chest'],
    ['image_count', 0],
    ['modality', 'X-ray'],
    ['note', 'see fig.'],
    ['img', null],
    ['images_of', []],
  ])('are read beside a column %s, which holds none', async (column, value) => {
    const rows = [
      { ...row, image: png },
      { ...row, [column]: value },
    ];
    expect(await problemsOf(rows, false)).toEqual([]);
  });

  it('of a parquet file whose images are in another column are refused', async () => {
    const columnData = [
      { name: 'problem', data: ['Q?'] },
      { name: 'solution', data: ['<X_RAY>no'] },
      { name: 'photo', data: [image('x').bytes] },
    ];
    await writeFile(inFolder('set.parquet'), Buffer.from(parquetWriteBuffer({ columnData })));
    await expect(loadSamples(inFolder('set.parquet'), { textOnly: false })).rejects.toThrow(
      /something like one in photo/,
    );
  });
});

describe('marks of images in a question', () => {
  it('must be as many as the images', async () => {
    const row = {
      solution: '<X_RAY>no',
      image: [image('x')].map(({ bytes }) => ({ bytes: Buffer.from(bytes).toString('base64') })),
    };
    const { samples, rejected } = await loadSamples(
      await writeRows('set.jsonl', [
        { ...row, problem: '<image>Which side?' },
        { ...row, problem: 'Which side?' },
        { ...row, problem: '<image><image>Which side?' },
        { ...row, image: [], problem: '<image>Which side?' },
      ]),
    );
    expect(samples.map(({ problem }) => problem)).toEqual(['<image>Which side?', 'Which side?']);
    expect(rejected.map(({ problem }) => problem)).toEqual([
      'problem: 2 marks <image>, but 1 images',
      'problem: 1 marks <image>, but 0 images',
    ]);
  });
});

describe('any bytes', () => {
  it('are rows or rejections, never a throw', async () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.json().map((text) => new TextEncoder().encode(text)),
      fc
        .record(
          {
            id: fc.oneof(fc.anything(), fc.bigInt().map(String)),
            problem: fc.oneof(fc.string(), fc.constant('<image>'), fc.anything()),
            solution: fc.oneof(fc.constant('<X_RAY>no'), fc.anything()),
            image: fc.oneof(fc.constant(png64), fc.anything(), fc.array(fc.string())),
            img: fc.anything(),
          },
          { requiredKeys: [] },
        )
        .map((row) => new TextEncoder().encode(jsonOf(row))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 8 }), async (lines) => {
        await writeFile(
          inFolder('any.jsonl'),
          Buffer.concat(lines.flatMap((it) => [it, Buffer.from('\n')])),
        );
        for await (const outcome of readSamples(inFolder('any.jsonl'), { textOnly: false })) {
          if (outcome.kind === 'sample') expect(outcome.sample.problem).not.toContain('\uFFFD');
          else expect(outcome.problem).toMatch(/^[^\p{Cc}\p{Bidi_Control}]{1,600}$/u);
        }
      }),
    );
  });
});

const png64 = Buffer.from(image('x').bytes).toString('base64');

/** JSON of anything: what has none becomes null. */
function jsonOf(value: unknown): string {
  try {
    return (
      JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner)) ??
      'null'
    );
  } catch {
    return 'null';
  }
}
