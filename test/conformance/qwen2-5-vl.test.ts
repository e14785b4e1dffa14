/** The local engine with a Qwen2.5-VL: images of several windows, biases in attention, published names of tensors. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { openLocalEngine } from '../../src/engine/local/local-engine.ts';
import {
  createParameterBuffer,
  readParameters,
  writeParameters,
} from '../../src/engine/local/weights/parameter-buffer.ts';
import { parameterSpecs } from '../../src/model/parameters.ts';
import type { Prompt } from '../../src/model/prompt.ts';
import {
  windowedCases,
  windowedConfig,
  windowedModelDirectory,
  windowedPrompt,
} from '../../src/model/tiny-qwen2-5-vl.fixture.ts';
import { describeEngine } from './engine-suite.ts';

const config = await windowedConfig();
const cache = await mkdtemp(join(tmpdir(), 'medix-integers-'));
afterAll(() => rm(cache, { recursive: true }));

function promptOf(name: string): Promise<Prompt> {
  return windowedPrompt(windowedCases.find((candidate) => candidate.name === name)!);
}
const prompts = () => Promise.all(['text-only', 'shrunk-gray', 'three-images'].map(promptOf));
const imagePrompt = () => promptOf('enlarged');

describe('a Qwen2.5-VL', () => {
  describeEngine('local', {
    open: () => openLocalEngine(windowedModelDirectory),
    variants: {
      'prompts repeated for every completion': () =>
        openLocalEngine(windowedModelDirectory, { limits: { sharePrompts: false } }),
      'micro-batches of one sequence': () =>
        openLocalEngine(windowedModelDirectory, { limits: { maxBatchTokens: 1 } }),
    },
    prompts,
    imagePrompt,
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
});

describe.each(['f32', 'int8'] as const)(
  'a Qwen2.5-VL with an adapter over a base in %s',
  (base) => {
    const network = {
      kind: 'layered',
      base,
      adapter: {
        settings: { rank: 4, alpha: 8, rankStabilized: false, targets: '.*' },
        seed: 1,
      },
      cache,
      keptBytes: 0,
    } as const;
    describeEngine('local', {
      open: () => openLocalEngine(windowedModelDirectory, { network }),
      variants: {
        'micro-batches of one sequence': () =>
          openLocalEngine(windowedModelDirectory, { network, limits: { maxBatchTokens: 1 } }),
        'all that its backward pass needs kept': () =>
          openLocalEngine(windowedModelDirectory, { network: { ...network, keptBytes: 1e9 } }),
      },
      prompts,
      imagePrompt,
      weights: { skip: 'gradients of factors are compared with those of matrices and with torch' },
      // Activations have 16 bits: a sum in another order may round to the next one.
      ...(base === 'int8' ? { rounding: 5e-4 } : {}),
    });
  },
);
