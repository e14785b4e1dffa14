import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openLocalEngine } from '../../src/engine/local/local-engine.ts';
import { openThreadedEngine } from '../../src/engine/local/thread/threaded-engine.ts';
import { createAdapter } from '../../src/engine/local/weights/adapter.ts';
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
  tinyModelDirectory,
  tinyPrompt,
} from '../../src/model/tiny-model.fixture.ts';
import { describeEngine } from './engine-suite.ts';

const config = await tinyConfig();

function promptOf(name: string): Promise<Prompt> {
  return tinyPrompt(tinyCases.find((candidate) => candidate.name === name)!);
}

const cache = await mkdtemp(join(tmpdir(), 'medix-integers-'));
afterAll(() => rm(cache, { recursive: true }));

describeEngine('local', {
  open: () => openLocalEngine(tinyModelDirectory),
  variants: {
    'prompts repeated for every completion': () =>
      openLocalEngine(tinyModelDirectory, { limits: { sharePrompts: false } }),
    'micro-batches of one sequence': () =>
      openLocalEngine(tinyModelDirectory, { limits: { maxBatchTokens: 1 } }),
    'few rows side by side': () => openLocalEngine(tinyModelDirectory, { limits: { maxRows: 3 } }),
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

describe('in a thread of its own', () => {
  const never = new AbortController().signal;
  describeEngine('local', {
    open: () => openThreadedEngine(tinyModelDirectory, {}, never),
    variants: { 'everything in this thread': () => openLocalEngine(tinyModelDirectory) },
    prompts: () => Promise.all(['text-only', 'conversation', 'two-images'].map(promptOf)),
    imagePrompt: () => promptOf('enlarged'),
    weights: { skip: 'the network is the one above' },
  });
});

/** src/engine/local/layered/layered-network.test.ts compares its gradient with that of float32. */
const constantBetweenRoundings = {
  skip: 'a product of integers is constant between two roundings',
};

describe.each(['f32', 'f16', 'int8'] as const)('with an adapter over a base in %s', (base) => {
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
  const adapterWeights = {
    read: async (directory: string) => {
      const { parameters } = createAdapter(network.adapter.settings, parameterSpecs(config), 1);
      await readParameters(parameters, directory);
      return parameters.views;
    },
    write: async (directory: string, values: Record<string, Float32Array>) => {
      const { parameters } = createAdapter(network.adapter.settings, parameterSpecs(config), 1);
      for (const [name, data] of Object.entries(values)) parameters.views[name]!.set(data);
      await writeParameters(join(directory, 'model.safetensors'), [['', parameters]]);
    },
    differenceStep: 5e-4,
  };
  it("says whether its sampler's logprobs may stand in for the trainer's", async () => {
    const engine = await openLocalEngine(tinyModelDirectory, { network });
    expect(engine.guarantees.samplerLogprobs).toBe(base === 'int8' ? 'approximate' : 'exact');
    await engine.close();
  });

  describeEngine('local', {
    open: () => openLocalEngine(tinyModelDirectory, { network }),
    variants: {
      'prompts repeated for every completion': () =>
        openLocalEngine(tinyModelDirectory, { network, limits: { sharePrompts: false } }),
      'micro-batches of one sequence': () =>
        openLocalEngine(tinyModelDirectory, { network, limits: { maxBatchTokens: 1 } }),
      'few rows side by side': () =>
        openLocalEngine(tinyModelDirectory, { network, limits: { maxRows: 3 } }),
      'all that its backward pass needs kept': () =>
        openLocalEngine(tinyModelDirectory, { network: { ...network, keptBytes: 1e9 } }),
    },
    prompts: () => Promise.all(['text-only', 'conversation', 'two-images'].map(promptOf)),
    imagePrompt: () => promptOf('enlarged'),
    weights: base === 'int8' ? constantBetweenRoundings : adapterWeights,
    // Activations have 16 bits: a sum in another order may round to the next one.
    ...(base === 'int8' ? { rounding: 5e-4 } : {}),
  });
});
