import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { columnsSection } from '../config/columns-config.ts';
import { loadSamples } from './load.fixture.ts';
import { encodePng } from './phantoms/png.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-columns-'));
});
afterEach(() => rm(folder, { recursive: true }));

const png = new Uint8Array(encodePng(Uint8Array.of(9), 1, 1, 1));
const named = {
  question: 'frage',
  answer: 'antwort',
  images: 'bild',
  modality: { column: 'art', values: { Röntgen: 'X_RAY' } },
  id: 'nummer',
};

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** What is read with these columns, or why nothing is. */
async function read(path: string, columns: unknown, textOnly = false) {
  const options = { columns: columnsSection.parse(columns), textOnly };
  return loadSamples(path, options).then(
    ({ samples, rejected }) => ({
      samples: samples.map(({ images, accepted, source, ...sample }) => {
        return { ...sample, images: images.map(({ bytes }) => bytes) };
      }),
      problems: rejected.map(({ cause, problem }) => `${cause}: ${problem}`),
    }),
    (error: Error) => error.message.replaceAll(folder, ''),
  );
}

const base64 = Buffer.from(png).toString('base64');
const rows = [
  { nummer: '1', frage: 'Which side?', antwort: 'left', bild: 'scan.png', art: 'ct scan' },
  { nummer: '2', frage: 'Which "side"?', antwort: 'a, b', bild: base64, art: 'Röntgen' },
];
const expected = {
  samples: [
    {
      id: '1',
      problem: 'Which side?',
      modality: 'CT_SCAN',
      referenceAnswer: 'left',
      images: [png],
    },
    {
      id: '2',
      problem: 'Which "side"?',
      modality: 'X_RAY',
      referenceAnswer: 'a, b',
      images: [png],
    },
  ],
  problems: [],
};
const table = (delimiter: string) =>
  [Object.keys(rows[0]!), ...rows.map((row) => Object.values(row))]
    .map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(delimiter))
    .join('\r\n');

describe('a data set with columns of its own', () => {
  it.each([
    ['rows.csv', () => table(',')],
    ['rows.tsv', () => table('\t')],
    ['rows.json', () => JSON.stringify(rows)],
    ['rows.jsonl', () => rows.map((row) => JSON.stringify(row)).join('\n')],
    [
      'rows.parquet',
      () => {
        const names = Object.keys(rows[0]!) as (keyof (typeof rows)[0])[];
        const columnData = names.map((name) => ({ name, data: rows.map((row) => row[name]) }));
        return new Uint8Array(parquetWriteBuffer({ columnData }));
      },
    ],
  ] as const)('is read from %s', async (name, content) => {
    await write('scan.png', png);
    expect(await read(await write(name, content()), named)).toEqual(expected);
  });

  it('may have one modality for all, and none where the questions are text alone', async () => {
    const path = await write('rows.csv', 'q,a\nWhich?,<left>\n');
    const columns = { question: 'q', answer: 'a' };
    const constant = { ...columns, modality: { constant: 'MRI_SCAN' } };
    const sample = { id: 'rows.csv#0', problem: 'Which?', images: [] };
    expect(await read(path, constant, true)).toEqual({
      samples: [{ ...sample, modality: 'MRI_SCAN', referenceAnswer: '<left>' }],
      problems: [],
    });
    expect(await read(path, columns, true)).toMatch(/usable rows|<TAG>answer/);
  });

  it('may hold answers that are numbers or a part of a text, and lists as text', async () => {
    const lines = [
      { problem: 'How many?', solution: 'one and two: #### 3', accepted: "['three', 'III']" },
      { problem: 'How many?', solution: 4 },
    ];
    const path = await write('rows.jsonl', lines.map((row) => JSON.stringify(row)).join('\n'));
    const whole = await loadSamples(path, { textOnly: true });
    expect(whole.samples.map(({ referenceAnswer }) => referenceAnswer)).toEqual([
      'one and two: #### 3',
      '4',
    ]);
    expect(whole.samples[0]?.accepted).toEqual(['three', 'III']);
    const answer = { column: 'solution', pattern: '(?:#### )?(\\d+)$' };
    const parts = await read(path, { answer }, true);
    expect(parts).toMatchObject({ samples: [{ referenceAnswer: '3' }, { referenceAnswer: '4' }] });
  });

  it('whose modality is unknown is left out row by row, with the value', async () => {
    const path = await write('rows.csv', 'problem,solution,kind\nQ?,yes,CT\nQ?,no,ct-scan\n');
    expect(await read(path, { modality: 'kind' }, true)).toMatchObject({
      samples: [{ modality: 'CT_SCAN' }],
      problems: [
        'untagged: kind: "CT" is none of the 16 modalities, nor a value that data.columns.modality names',
      ],
    });
  });

  it.each([
    ['rows.csv', 'frage,antwort,bild,art\nQ?,yes,scan.png,CT_SCAN\n'],
    [
      'rows.json',
      JSON.stringify([{ frage: 'Q?', antwort: 'yes', bild: 'scan.png', art: 'CT_SCAN' }]),
    ],
  ])('that lacks a column is one error with those that %s has', async (name, content) => {
    await write('scan.png', png);
    const path = await write(name, content);
    const problem = await read(path, { ...named, id: 'id', images: 'picture' });
    expect(problem).toBe(
      `/${name}: expected the columns frage and antwort and picture and art, got no picture; its columns are frage, antwort, bild, art; say with data.columns which columns hold what, e.g. data.columns.question=NAME, or rename the columns`,
    );
  });

  it('names its own columns where a row is wrong', async () => {
    const lines = [{ frage: 'Q?', antwort: ['yes'], art: 'CT_SCAN', bild: null }];
    const path = await write('rows.json', JSON.stringify([...lines, rows[1]]));
    expect(await read(path, { ...named, id: 'id' })).toMatchObject({
      problems: ['malformed: antwort: is a list, not text'],
    });
  });
});
