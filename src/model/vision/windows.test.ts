import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tinyGrids } from '../tiny-model.fixture.ts';
import { windowedCases, windowedConfig } from '../tiny-qwen2-5-vl.fixture.ts';
import { windowBlocks } from './windows.ts';

const { vision } = await windowedConfig();
const imageCases = windowedCases.filter(({ grids }) => grids.length > 0);

test.each(imageCases)(
  'windows of "$name" hold the blocks that transformers puts there',
  (windowed) => {
    let before = 0;
    const windows = tinyGrids(windowed).flatMap((grid) => {
      const blocks = windowBlocks(grid, vision.spatialMergeSize, vision.windowSide);
      const numbered = blocks.map((window) => window.map((block) => before + block));
      before += blocks.flat().length;
      return numbered;
    });
    expect(windows).toEqual(windowed.windows);
  },
);

test('each block is in one window, and no window is larger than its square', () => {
  const few = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(few, few, few, fc.integer({ min: 1, max: 3 }), (rows, columns, side, merge) => {
      const windows = windowBlocks({ t: 1, h: rows * merge, w: columns * merge }, merge, side);
      const sorted = windows.flat().toSorted((a, b) => a - b);
      expect(sorted).toEqual(Array.from({ length: rows * columns }, (_, block) => block));
      expect(Math.max(...windows.map(({ length }) => length))).toBeLessThanOrEqual(side ** 2);
      expect(windows.every(({ length }) => length > 0)).toBe(true);
    }),
  );
});
