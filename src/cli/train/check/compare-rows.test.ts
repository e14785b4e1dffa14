import { expect, it } from 'vitest';
import { phantomSample } from '../../../data/phantoms/study.ts';
import { blankImage } from '../../../eval/variants/change-image.ts';
import { shownPixels, toPng } from '../../../image/raster.ts';
import { type ComparedRow, compareRows } from './compare-rows.ts';

const { signal } = new AbortController();
const studyAt = async (index: number): Promise<ComparedRow> =>
  phantomSample({ seed: 4, split: 'train', index });
const [first, second, third, fourth] = await Promise.all([
  studyAt(0),
  studyAt(1),
  studyAt(2),
  studyAt(3),
]);

async function* rowsOf(rows: readonly ComparedRow[]): AsyncGenerator<ComparedRow> {
  yield* rows;
}

/** The same picture in other bytes. */
async function again({ problem, images: [image] }: ComparedRow): Promise<ComparedRow> {
  const shown = await shownPixels(image!.bytes);
  const pixels = shown.pixels.map((value) => Math.min(255, value + 3));
  return { problem, images: [{ bytes: await toPng({ ...shown, pixels }), name: 'again.png' }] };
}

it('rows are held against each other and against other sets, by files and by what they show', async () => {
  const rows = [first, first, second, await again(second), third];
  const others = [
    { name: 'validation', rows: rowsOf([first, { ...second, problem: 'another question' }]) },
    { name: 'benchmark', rows: rowsOf([await again(third)]) },
    { name: 'foreign', rows: rowsOf([fourth]) },
  ];
  const found = await compareRows(rowsOf(rows), others, signal);
  const none = { imageExact: 0, imageNear: 0, questionExact: 0, questionNear: 0, same: 0 };
  expect(found).toEqual({
    repeated: 1,
    images: 4,
    nearImages: 1,
    overlaps: [
      // Both rows of the first study, the second, and the second again.
      { ...none, name: 'validation', rows: 2, same: 2, imageExact: 3, imageNear: 1 },
      { ...none, name: 'benchmark', rows: 1, imageNear: 1 },
      { ...none, name: 'foreign', rows: 1 },
    ],
  });
});

it('rows without images are compared by their questions', async () => {
  const text = (problem: string) => ({ problem, images: [] });
  const long = 'a man of sixty years has had chest pain for two hours and now feels faint and sick';
  const rows = [text('Which organ?'), text(`${long} what is next`), text('Which bone?')];
  const others = [{ name: 'validation', rows: rowsOf([text('which  organ'), text(long)]) }];
  const [overlap] = (await compareRows(rowsOf(rows), others, signal)).overlaps;
  expect(overlap).toMatchObject({ same: 0, questionExact: 1, questionNear: 1, imageExact: 0 });
});

it('images that show nothing are alike only as files', async () => {
  const grey = async (row: ComparedRow, name: string) => {
    const bytes = await blankImage(row.images[0]!.bytes);
    return { problem: name, images: [{ bytes: bytes!, name }] };
  };
  const rows = [await grey(first, 'one'), await grey(second, 'other')];
  const found = await compareRows(rowsOf(rows), [], signal);
  expect(found).toMatchObject({ repeated: 0, images: 1, nearImages: 0 });
});
