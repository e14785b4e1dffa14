import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { plainPng } from '../../image/raster.ts';
import { type ReadRow, readScoreRows } from './read-rows.ts';

const folder = await mkdtemp(join(tmpdir(), 'medix-rows-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const never = new AbortController().signal;
const path = join(folder, 'rows.jsonl');

type Options = {
  readonly rules?: 'medix-r1' | 'medix-r1-reference';
  readonly showImages?: boolean;
  readonly skip?: number;
};

async function read(
  lines: readonly unknown[],
  { rules = 'medix-r1', showImages = false, skip = 0 }: Options = {},
): Promise<ReadRow[]> {
  const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  await writeFile(path, texts.join('\n'));
  const rows: ReadRow[] = [];
  const reading = { profile: { rules }, showImages };
  for await (const row of readScoreRows(path, reading, skip, never)) rows.push(row);
  return rows;
}

const row = { id: 'a', response: 'gout', ground_truth: '<CT_SCAN>gout' };

describe('rows of a file of responses', () => {
  it('become what the reward scores, whatever other columns they carry', async () => {
    const rubric = [{ criterion: 'Names gout', points: 2 }];
    const [full, bare] = await read([
      { ...row, question: 'What?', images: ['a.png'], accepted: ['podagra'], rubric, source: 'x' },
      { id: 7, response: '', ground_truth: 'gout', modality: 'OTHER' },
    ]);
    expect(full).toMatchObject({
      kind: 'readable',
      line: 1,
      id: 'a',
      item: {
        response: 'gout',
        sample: {
          problem: 'What?',
          modality: 'CT_SCAN',
          referenceAnswer: 'gout',
          accepted: ['podagra'],
          rubric,
          images: [{ name: 'of the row' }],
        },
      },
    });
    expect(bare).toMatchObject({
      kind: 'readable',
      id: 7,
      item: { sample: { modality: 'OTHER', referenceAnswer: 'gout', images: [] } },
    });
  });

  it('that are broken say what is wrong and where, and leave the others alone', async () => {
    const rows = await read([
      '{"id": "a",',
      '[1]',
      { response: 'gout', ground_truth: 'gout' },
      { id: 'b', ground_truth: 'gout' },
      { id: 'c', response: 'gout' },
      { id: 'd', response: 3, ground_truth: 'gout' },
      { ...row, id: 'e', ground_truth: '<TAXI>gout' },
      { ...row, id: 'f', modality: 'X_RAY' },
      { ...row, id: 'g', modality: 'TAXI' },
      { ...row, id: 'h', images: [3] },
      '',
      row,
    ]);
    expect(
      rows.map(({ line, id, ...rest }) => [line, id, 'message' in rest ? rest.message : rest.kind]),
    ).toEqual([
      [1, null, expect.stringMatching(/JSON/)],
      [2, null, 'the line is no JSON object but a list'],
      [3, null, 'id: is missing'],
      [4, 'b', 'response: is missing'],
      [5, 'c', 'ground_truth: is missing'],
      [6, 'd', 'response: is the number 3, not text'],
      [
        7,
        'e',
        expect.stringMatching(/^unknown modality tag "TAXI"; expected one of X_RAY, .*, SPECT$/),
      ],
      [8, 'f', "modality X_RAY contradicts the ground truth's"],
      [
        9,
        'g',
        expect.stringMatching(/^modality: is the text "TAXI", not one of X_RAY, .*, SPECT$/),
      ],
      [10, 'h', 'images: an image that is no path, bytes or {bytes, path}'],
      [12, 'a', 'readable'],
    ]);
  });

  it('keep any ground truth under the rules of the paper, which take every text', async () => {
    const [odd] = await read([{ ...row, ground_truth: '<TAXI>gout' }], {
      rules: 'medix-r1-reference',
    });
    expect(odd).toMatchObject({
      kind: 'readable',
      item: { sample: { groundTruth: '<TAXI>gout' } },
    });
  });

  it('have their images opened for judges that see, and only for these', async () => {
    const png = await plainPng(4, 4, { r: 9, g: 9, b: 9 });
    await writeFile(join(folder, 'a.png'), png);
    const images = ['a.png', { bytes: Buffer.from(png).toString('base64') }];
    const rows = [
      { ...row, images },
      { ...row, images: ['gone.png'] },
    ];
    const [seen, gone] = await read(rows, { showImages: true });
    const files = seen?.kind === 'readable' ? seen.item.sample.images : [];
    expect(files.map(({ bytes }) => Buffer.from(bytes))).toEqual([
      Buffer.from(png),
      Buffer.from(png),
    ]);
    expect(gone).toMatchObject({ kind: 'malformed', message: expect.stringMatching(/gone\.png/) });
    expect((await read(rows)).map(({ kind }) => kind)).toEqual(['readable', 'readable']);
  });

  it('never show a judge another file of this machine', async () => {
    await symlink('/etc/passwd', join(folder, 'link.png'));
    const names = ['/etc/passwd', '../x', 'link.png', '/proc/self/environ', 'rows.jsonl', '.', ''];
    const images = [...names, { path: '/etc/hostname' }, { path: 'link.png', bytes: null }];
    const rows = await read(
      images.map((image) => ({ ...row, images: ['a.png', image] })),
      {
        showImages: true,
      },
    );
    for (const [i, read] of rows.entries()) {
      const files = read.kind === 'readable' ? read.item.sample.images.length : 0;
      expect([images[i], files]).toEqual([images[i], images[i] === '' ? 1 : 0]);
    }
  });

  it('keep ids of any length digit for digit', async () => {
    const [one, other] = await read([
      '{"id": 12345678901234567890, "response": "x", "ground_truth": "gout"}',
      '{"id": 12345678901234567891, "response": "x", "ground_truth": "gout"}',
    ]);
    expect([one?.id, other?.id]).toEqual([12345678901234567890n, 12345678901234567891n]);
  });

  it('are skipped where an earlier call has done them', async () => {
    const rows = await read([row, 'broken', { ...row, id: 'c' }], { skip: 2 });
    expect(rows).toMatchObject([{ id: 'c', line: 3 }]);
  });
});
