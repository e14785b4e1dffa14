import { join } from 'node:path';
import { openLocalEngine } from '../../src/engine/local/local-engine.ts';
import {
  createParameterBuffer,
  readParameters,
  writeParameters,
} from '../../src/engine/local/weights/parameter-buffer.ts';
import { parameterSpecs } from '../../src/model/parameters.ts';
import type { Prompt } from '../../src/model/prompt.ts';
import {
  tinyCases,
  tinyConfig,
  tinyGrids,
  tinyModelDirectory,
  tinyTensor,
} from '../../src/model/tiny-model.fixture.ts';
import { describeEngine } from './engine-suite.ts';

const config = await tinyConfig();

async function promptOf(name: string): Promise<Prompt> {
  const tiny = tinyCases.find((candidate) => candidate.name === name)!;
  const grids = tinyGrids(tiny);
  const pixels = grids.length > 0 ? await tinyTensor(name, 'pixel_values') : new Float32Array();
  let offset = 0;
  const images = grids.map((grid) => {
    const size = grid.t * grid.h * grid.w * 1536;
    offset += size;
    return { grid, patches: pixels.subarray(offset - size, offset) };
  });
  return { tokens: Int32Array.from(tiny.inputIds), images };
}

describeEngine('local', {
  open: () => openLocalEngine(tinyModelDirectory),
  variants: {
    'prompts repeated for every completion': () =>
      openLocalEngine(tinyModelDirectory, { sharePrompts: false }),
    'micro-batches of one sequence': () =>
      openLocalEngine(tinyModelDirectory, { maxBatchTokens: 1 }),
    'few rows side by side': () => openLocalEngine(tinyModelDirectory, { maxRows: 3 }),
  },
  prompts: () => Promise.all(['text-only', 'conversation', 'two-images'].map(promptOf)),
  imagePrompt: () => promptOf('enlarged'),
  weights: {
    read: async (directory) => {
      const buffer = createParameterBuffer(parameterSpecs(config));
      await readParameters(buffer, directory);
      return buffer.views;
    },
    write: async (directory, values) => {
      const buffer = createParameterBuffer(parameterSpecs(config));
      for (const [name, data] of Object.entries(values)) buffer.views[name]!.set(data);
      await writeParameters(join(directory, 'model.safetensors'), [['', buffer]]);
    },
    differenceStep: 2e-3,
  },
});
