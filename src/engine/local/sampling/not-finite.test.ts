import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../../model/files/safetensors.ts';
import { writeSafetensors } from '../../../model/files/write-safetensors.ts';
import type { Prompt } from '../../../model/prompt.ts';
import { tinyConfig, tinyModelDirectory } from '../../../model/tiny-model.fixture.ts';
import type { Loss } from '../../engine.ts';
import { openLocalEngine } from '../local-engine.ts';
import type { Network } from '../network.ts';
import { createParameterBuffer } from '../weights/parameter-buffer.ts';
import { failNotFinite } from './not-finite.ts';
import { pickToken } from './pick-token.ts';
import { sampleBatched } from './sampler.ts';

const never = new AbortController().signal;
const config = await tinyConfig();
const parent = await mkdtemp(join(tmpdir(), 'medix-not-finite-'));
afterAll(() => rm(parent, { recursive: true }));

/** A network whose logprobs are normal, but `broken` in the step that `brokenAt` counts from 0. */
function scriptedNetwork(brokenAt: number, broken: (row: Float32Array) => void): Network {
  let step = 0;
  const vocabulary = config.text.vocabSize;
  const next = async (rows: number) => {
    const logprobs = Float32Array.from({ length: rows * vocabulary }, (_, i) => -5 - (i % 11) / 10);
    if (step++ === brokenAt) broken(logprobs.subarray(0, vocabulary));
    return logprobs;
  };
  const network: Pick<Network, 'prefill' | 'step' | 'trained'> = {
    trained: createParameterBuffer([]),
    prefill: ({ prompts }) => next(prompts.length),
    step: ({ values }) => next(values['tokens']!.length),
  };
  return network as Network;
}

const prompt: Prompt = { tokens: Int32Array.of(5, 6, 7), images: [] };

async function sample(network: Network, temperature: number): Promise<number> {
  const settings = {
    directory: 'a-model',
    config,
    network,
    stopTokens: [],
    bannedTokens: [0, 1],
    maxRows: 8,
    maxPrefillTokens: 64,
    maxCacheTokens: 8192,
  };
  const request = { prompt, keys: ['a', 'b'], maxTokens: 3, temperature, topP: 0.9, topK: 0 };
  let tokens = 0;
  for await (const group of sampleBatched([request], settings, never)) {
    tokens += group.completions.reduce((sum, one) => sum + one.tokens.length, 0);
  }
  return tokens;
}

describe('a model that gives no numbers', () => {
  const kinds: readonly (readonly [string, (row: Float32Array) => void])[] = [
    ['NaN', (row) => row.fill(Number.NaN)],
    ['NaN for one token', (row) => row.fill(Number.NaN, 9, 10)],
    ['NaN for a banned token', (row) => row.fill(Number.NaN, 0, 1)],
    ['infinity', (row) => row.fill(Number.POSITIVE_INFINITY, 3, 4)],
    ['minus infinity', (row) => row.fill(Number.NEGATIVE_INFINITY, 3, 4)],
    ['minus infinity throughout', (row) => row.fill(Number.NEGATIVE_INFINITY)],
    ['the same for every token', (row) => row.fill(-6)],
  ];
  const cases = kinds.flatMap(([kind, broken]) =>
    [0, 1, 2].flatMap((step) => [0, 1].map((heat) => ({ kind, broken, step, heat }))),
  );

  it.each(cases)('but $kind at token $step answers nothing at temperature $heat', async (one) => {
    const network = scriptedNetwork(one.step, one.broken);
    await expect(sample(network, one.heat)).rejects.toThrow(
      /^a-model: expected a logprob for every token, got NaN, infinity or the same for all after/,
    );
  });

  it('is told from one that does', async () => {
    expect(
      await sample(
        scriptedNetwork(-1, () => {}),
        0,
      ),
    ).toBe(6);
    const far = Float32Array.of(-1e30, -3e38, -0.1);
    expect(pickToken(far, { temperature: 1, topP: 1, topK: 0 }, [], 0.5)).toBe(2);
  });

  it('is told with the weight or the image that it comes from', () => {
    const parameters = { norm: Float32Array.of(1), 'layer.weight': Float32Array.of(1, Number.NaN) };
    expect(() => failNotFinite({ directory: 'm', parameters }, prompt)).toThrow(
      'm: layer.weight: expected finite numbers, got NaN or infinity at 1 of 2 places',
    );
    const patches = Float32Array.of(0, Number.NEGATIVE_INFINITY, 1);
    const images = [
      { patches: Float32Array.of(1), grid: { t: 1, h: 1, w: 1 } },
      { patches, grid: { t: 1, h: 1, w: 1 } },
    ];
    expect(() => failNotFinite({ directory: 'm', parameters: {} }, { ...prompt, images })).toThrow(
      /^pixels of image 2 of the prompt: expected finite numbers, got .* 1 of 3 places/,
    );
  });
});

it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  'a model folder with %s among its weights does not open, and the weight is named',
  async (value) => {
    const folder = await mkdtemp(join(parent, 'model-'));
    await cp(tinyModelDirectory, folder, { recursive: true });
    const store = await openSafetensors(tinyModelDirectory);
    const tensors = await Promise.all(
      [...store.tensors].map(async ([name, { shape }]) => ({
        name,
        shape,
        data: Float32Array.from(await store.read(name)),
      })),
    );
    await store.close();
    const broken = tensors.find(({ name }) => name.endsWith('layers.0.mlp.down_proj.weight'))!;
    broken.data[17] = value;
    await rm(join(folder, 'model.safetensors'));
    await writeSafetensors(join(folder, 'model.safetensors'), tensors);
    await expect(openLocalEngine(folder)).rejects.toThrow(
      /layers\.0\.mlp\.down_proj\.weight: expected weights that are finite numbers, got -?\w+ \(1 of /,
    );
  },
);

it('a policy whose training diverged gives an error, neither tokens nor logprobs', async () => {
  const engine = await openLocalEngine(tinyModelDirectory);
  try {
    const loss: Loss = (inputs) => ({
      loss: 0,
      gradients: inputs.map(({ policyLogprobs }) => policyLogprobs.map(() => -1)),
      metrics: {},
    });
    const text = { type: 'text', text: 'Which side?' } as const;
    const encoded = await engine.model.processor.encode([{ role: 'user', content: [text] }]);
    const sequence = { prompt: encoded, completion: Int32Array.of(5, 6, 7) };
    await engine.forwardBackward([sequence], loss, never);
    const adam = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 0 };
    await engine.optimStep({ ...adam, learningRate: 1e39 });
    const message = /: expected finite numbers, got NaN or infinity at \d+ of \d+ places/;
    await expect(engine.logprobs([sequence], 'policy', never)).rejects.toThrow(message);
    const request = { keys: ['a'], maxTokens: 2, temperature: 0, topP: 1, topK: 0 };
    const sampling = async () => {
      for await (const group of engine.sample([{ ...request, prompt: encoded }], never))
        return group;
      return undefined;
    };
    await expect(sampling()).rejects.toThrow(message);
    const [reference] = await engine.logprobs([sequence], 'reference', never);
    expect(reference?.every(Number.isFinite)).toBe(true);
  } finally {
    await engine.close();
  }
});
