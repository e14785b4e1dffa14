import { expect, test } from 'vitest';
import type { Prompt } from '../prompt.ts';
import {
  largestDifference,
  type TinyCase,
  tinyCases,
  tinyConfig,
  tinyGrids,
  tinyTensor,
} from '../tiny-model.fixture.ts';
import {
  windowedCases,
  windowedConfig,
  windowedPrompt,
  windowedTensor,
} from '../tiny-qwen2-5-vl.fixture.ts';
import { positionInterpolation, visionRopeTables } from '../vision/vision-positions.ts';
import { promptPositions, ropeTables } from './positions.ts';

const config = await tinyConfig();
const imageCases = tinyCases.filter((tiny) => tiny.grids.length > 0);

function promptOf(tiny: TinyCase): Prompt {
  return {
    tokens: Int32Array.from(tiny.inputIds),
    images: tinyGrids(tiny).map((grid) => ({ grid, patches: new Float32Array() })),
  };
}

test.each(tinyCases)('positions of "$name" equal those of transformers', (tiny) => {
  const { positions, next } = promptPositions(promptOf(tiny), config);
  expect(Array.from(positions)).toEqual(tiny.positions.flat());
  expect(next).toBe(tiny.nextPosition);
});

test.each(tinyCases)('rotary tables of "$name" equal those of transformers', async (tiny) => {
  const { positions, next } = promptPositions(promptOf(tiny), config);
  const length = tiny.inputIds.length;
  const whole = Int32Array.from(
    [0, 1, 2].flatMap((axis) => [
      ...positions.subarray(axis * length, (axis + 1) * length),
      ...tiny.greedy.map((_, i) => next + i),
    ]),
  );
  const { cos, sin } = ropeTables(whole, config.text);
  expect(largestDifference(cos, await tinyTensor(tiny.name, 'text_cos'))).toBeLessThan(1e-5);
  expect(largestDifference(sin, await tinyTensor(tiny.name, 'text_sin'))).toBeLessThan(1e-5);
});

const windowed = await windowedConfig();

test.each(windowedCases)(
  'positions of "$name" equal those of transformers for Qwen2.5-VL',
  async (tiny) => {
    const prompt = await windowedPrompt(tiny);
    const { positions, next } = promptPositions(prompt, windowed);
    expect(Array.from(positions)).toEqual(tiny.positions.flat());
    expect(next).toBe(tiny.nextPosition);
    const length = tiny.inputIds.length;
    const whole = Int32Array.from(
      [0, 1, 2].flatMap((axis) => [
        ...positions.subarray(axis * length, (axis + 1) * length),
        ...tiny.greedy.map((_, i) => next + i),
      ]),
    );
    const { cos, sin } = ropeTables(whole, windowed.text);
    expect(largestDifference(cos, await windowedTensor(tiny.name, 'text_cos'))).toBeLessThan(1e-5);
    expect(largestDifference(sin, await windowedTensor(tiny.name, 'text_sin'))).toBeLessThan(1e-5);
  },
);

test.each(windowedCases.filter(({ grids }) => grids.length > 0))(
  'vision tables of "$name" equal those of transformers for Qwen2.5-VL',
  async (tiny) => {
    const tables = tinyGrids(tiny).map((grid) => visionRopeTables(grid, windowed.vision));
    for (const key of ['cos', 'sin'] as const) {
      const joined = tables.flatMap((table) => Array.from(table[key]));
      const expected = await windowedTensor(tiny.name, `vision_${key}`);
      expect(largestDifference(joined, expected)).toBeLessThan(1e-6);
    }
  },
);

test('a prompt whose placeholders do not match its images is a defect', () => {
  const tiny = imageCases[0]!;
  expect(() => promptPositions({ ...promptOf(tiny), images: [] }, config)).toThrow('internal');
});

test.each(imageCases)('vision tables of "$name" equal those of transformers', async (tiny) => {
  const tables = tinyGrids(tiny).map((grid) => visionRopeTables(grid, config.vision));
  const join = (key: 'cos' | 'sin') => tables.flatMap((table) => Array.from(table[key]));
  expect(largestDifference(join('cos'), await tinyTensor(tiny.name, 'vision_cos'))).toBeLessThan(
    1e-6,
  );
  expect(largestDifference(join('sin'), await tinyTensor(tiny.name, 'vision_sin'))).toBeLessThan(
    1e-6,
  );
});

test.each(imageCases)('the position table is read for "$name" as by transformers', async (tiny) => {
  const parts = tinyGrids(tiny).map((grid) => positionInterpolation(grid, config.vision));
  expect(parts.flatMap((part) => Array.from(part.indices))).toEqual(
    tiny.interpolationIndices.flat(),
  );
  const weights = parts.flatMap((part) => Array.from(part.weights));
  expect(largestDifference(weights, await tinyTensor(tiny.name, 'interpolation_weights'))).toBe(0);
});
