/** The local engine with a model that reads text alone: nine heads over three, scaled rotary positions. */
import { join } from 'node:path';
import { describe } from 'vitest';
import { openLocalEngine } from '../../src/engine/local/local-engine.ts';
import {
  createParameterBuffer,
  readParameters,
  writeParameters,
} from '../../src/engine/local/weights/parameter-buffer.ts';
import { readModelConfig } from '../../src/model/config.ts';
import { parameterSpecs } from '../../src/model/parameters.ts';
import { textFamily, textPrompt } from '../../src/model/text-families.fixture.ts';
import { describeEngine } from './engine-suite.ts';

const family = textFamily('llama');
const config = await readModelConfig(family.model);
const prompts = async () => family.cases.map(textPrompt);
const imagePrompt = { skip: 'the model reads text alone' };

describe('a Llama', () => {
  describeEngine('local', {
    open: () => openLocalEngine(family.model),
    variants: {
      'prompts repeated for every completion': () =>
        openLocalEngine(family.model, { limits: { sharePrompts: false } }),
      'few rows side by side': () => openLocalEngine(family.model, { limits: { maxRows: 3 } }),
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

describe('a Llama with an adapter over a base in f32', () => {
  const network = {
    kind: 'layered',
    base: 'f32',
    adapter: {
      settings: { rank: 4, alpha: 8, rankStabilized: false, targets: '.*' },
      seed: 1,
    },
    cache: '',
    keptBytes: 0,
  } as const;
  describeEngine('local', {
    open: () => openLocalEngine(family.model, { network }),
    variants: {
      'micro-batches of one sequence': () =>
        openLocalEngine(family.model, { network, limits: { maxBatchTokens: 1 } }),
      'all that its backward pass needs kept': () =>
        openLocalEngine(family.model, { network: { ...network, keptBytes: 1e9 } }),
    },
    prompts,
    imagePrompt,
    weights: { skip: 'the adapter is the one of the vision-language model' },
  });
});
