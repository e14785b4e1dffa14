import { describe, expect, it } from 'vitest';
import {
  answeringEngineSection,
  type LocalEngineConfig,
  trainingEngineSection,
} from '../../config/engine-config.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { AdapterConfig } from '../../model/files/adapter-config.ts';
import { parameterSpecs } from '../../model/parameters.ts';
import { tinyConfig } from '../../model/tiny-model.fixture.ts';
import { type Machine, planNetwork, type Use } from './plan-network.ts';

const gibibyte = 2 ** 30;
const tiny = await tinyConfig();

/** Of the shape of Qwen3-VL-2B-Instruct. */
const twoBillion: ModelConfig = {
  ...tiny,
  text: {
    ...tiny.text,
    vocabSize: 151_936,
    hiddenSize: 2048,
    intermediateSize: 6144,
    layers: 28,
    heads: 16,
    kvHeads: 8,
    headDim: 128,
    tieWordEmbeddings: true,
  },
  vision: {
    ...tiny.vision,
    depth: 24,
    hiddenSize: 1024,
    intermediateSize: 4096,
    heads: 16,
    patchSize: 16,
    outHiddenSize: 2048,
    positions: 2304,
    deepstackLayers: [5, 11, 17],
  },
};

function plan(
  model: ModelConfig,
  settings: object,
  use: Use,
  machine: Partial<Machine> = {},
  opened?: AdapterConfig,
) {
  const section = use.kind === 'train' ? trainingEngineSection : answeringEngineSection;
  return planNetwork(
    section.parse({ kind: 'local', ...settings }) as LocalEngineConfig,
    model,
    use,
    { memoryBytes: 24 * gibibyte, multipliesIntegers: async () => true, cores: 4, ...machine },
    opened,
  );
}

const train: Use = { kind: 'train', seed: 1 };
const answer: Use = { kind: 'answer' };

async function baseOf(planned: ReturnType<typeof plan>): Promise<string> {
  const { network } = await planned;
  return network.kind === 'whole' ? 'whole' : network.base;
}

describe('left to choose', () => {
  it('has 2 billion weights in the model that stands for the paper’s smallest', () => {
    const elements = parameterSpecs(twoBillion).reduce(
      (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
      0,
    );
    expect(elements / 1e9).toBeCloseTo(2.13, 1);
  });

  it('trains a small model whole, with the batches that it always had', async () => {
    const { network, limits } = await plan(tiny, {}, train);
    expect(network.kind).toBe('whole');
    expect(limits).toEqual({ maxBatchTokens: 2048, maxPrefillTokens: 8192 });
  });

  it('trains factors of a large model beside integers, where the processor multiplies them exactly', async () => {
    expect(await baseOf(plan(twoBillion, { lora: {} }, train))).toBe('int8');
    const machine = { multipliesIntegers: async () => false };
    expect(await baseOf(plan(twoBillion, { lora: {} }, train, machine))).toBe('f32');
    const small = { ...machine, memoryBytes: 12 * gibibyte };
    expect(await baseOf(plan(twoBillion, { lora: {} }, train, small))).toBe('f16');
  });

  it('answers from the weights as they are where they fit, else from fewer bits', async () => {
    const fitting = (gibibytes: number) =>
      baseOf(plan(twoBillion, {}, answer, { memoryBytes: gibibytes * gibibyte }));
    expect(await fitting(24)).toBe('whole');
    expect(await fitting(10)).toBe('f16');
    expect(await fitting(5)).toBe('int8');
  });
});

describe('within a budget', () => {
  it('computes on as many threads as are asked for, of the cores that there are', async () => {
    expect((await plan(tiny, {}, train)).threads).toBeUndefined();
    expect((await plan(tiny, { threads: 3 }, train)).threads).toBe(3);
    expect((await plan(twoBillion, { lora: {}, threads: 4 }, train)).threads).toBe(4);
    await expect(plan(tiny, { threads: 5 }, answer)).rejects.toThrow(
      'engine.threads: expected at most 4, the number of cores that this process may use, got 5; give fewer threads, or "auto"',
    );
  });

  it('passes fewer tokens at once, and keeps nothing of the forward pass, where memory is short', async () => {
    const roomy = await plan(twoBillion, { lora: {}, memory: '12GiB' }, train);
    const tight = await plan(twoBillion, { lora: {}, memory: '5.5GiB' }, train);
    expect(roomy.limits.maxBatchTokens).toBe(2048);
    expect(roomy.network).toMatchObject({ keptBytes: expect.any(Number) });
    expect(tight.limits.maxBatchTokens).toBeLessThan(roomy.limits.maxBatchTokens!);
    expect(tight.limits.maxCacheTokens).toBeLessThan(roomy.limits.maxCacheTokens!);
    expect(tight.peakBytes).toBeLessThanOrEqual(5.5 * gibibyte);
    const masked = await plan(twoBillion, { lora: { dropout: 0.1 }, memory: '5.5GiB' }, train);
    expect(masked.limits.maxBatchTokens).toBeLessThan(tight.limits.maxBatchTokens!);
  });

  it('too small for any base says what each would need', async () => {
    const machine = { memoryBytes: 4 * gibibyte };
    await expect(plan(twoBillion, { lora: {} }, train, machine)).rejects.toThrow(
      /^engine\.memory: expected room to train 2\.\d billion weights: \d\.\d GiB in int8, \d\.\d GiB in f32, \d\.\d GiB in f16, got 3\.0 GiB, three quarters/,
    );
    await expect(plan(twoBillion, {}, train)).rejects.toThrow(
      /room to train 2\.\d billion weights: \d+\.\d GiB in f32, got 18\.0 GiB.*give engine\.lora/s,
    );
    await expect(plan(twoBillion, { memory: '3GiB', base: 'f16' }, answer)).rejects.toThrow(
      /got 3\.0 GiB.*use engine\.base=int8/s,
    );
  });
});

describe('an adapter that was opened', () => {
  const opened: AdapterConfig = {
    folder: 'adapter',
    base: 'base',
    rank: 16,
    alpha: 32,
    rankStabilized: false,
    dropout: 0.1,
    layers: ['model.language_model.layers.0.mlp.up_proj'],
    trainedOn: undefined,
  };
  const dropoutOf = async (lora: object | null, use: Use) => {
    const settings = use.kind === 'train' ? { lora } : {};
    const { network } = await plan(tiny, settings, use, {}, opened);
    return network.kind === 'layered' && network.adapter && 'opened' in network.adapter
      ? network.adapter.dropout
      : 'no adapter';
  };

  it('is trained further with its own dropout, or with that of the settings', async () => {
    expect(await dropoutOf(null, train)).toEqual({ rate: 0.1, seed: train.seed });
    const lora = { targets: ['layers.0.mlp.up_proj'] };
    expect(await dropoutOf({ ...lora, dropout: 0.3 }, train)).toMatchObject({ rate: 0.3 });
    expect(await dropoutOf(lora, train)).toBeUndefined();
    expect(await dropoutOf(null, answer)).toBeUndefined();
  });
});

it('frozen weights in fewer bits without anything to train are refused with the config', () => {
  const { error } = trainingEngineSection.safeParse({ kind: 'local', base: 'int8' });
  expect(error?.issues[0]).toMatchObject({
    path: ['base'],
    message: expect.stringContaining('give engine.lora'),
  });
  expect(trainingEngineSection.safeParse({ kind: 'local', memory: '8 bananas' }).success).toBe(
    false,
  );
  expect(
    trainingEngineSection.safeParse({ kind: 'local', lora: { targets: '(' } }).error?.issues[0]
      ?.path,
  ).toEqual(['lora', 'targets']);
  expect(trainingEngineSection.safeParse({ kind: 'local', lora: { dropout: 1 } }).success).toBe(
    false,
  );
});

describe('on a graphics device', () => {
  it('says so, and keeps no weights in 8 bits, which only the processor multiplies', async () => {
    const settings = { lora: {}, memory: '12GiB' };
    const onProcessor = await plan(twoBillion, settings, train);
    const onCard = await plan(twoBillion, { ...settings, device: 'webgpu' }, train);
    expect(onProcessor).toMatchObject({ device: 'cpu', network: { base: 'int8' } });
    expect(onCard).toMatchObject({ device: 'webgpu', network: { base: 'f32' } });
    expect(onProcessor.setup).not.toContain('webgpu');
    expect(onCard.setup).toContain('computed by webgpu (experimental)');
  });

  it('refuses 8 bits where they are asked for', () => {
    const settings = { kind: 'local', device: 'webgpu', base: 'int8', lora: {} };
    for (const section of [trainingEngineSection, answeringEngineSection]) {
      const { lora: _, ...withoutLora } = settings;
      const given = section === trainingEngineSection ? settings : withoutLora;
      expect(() => section.parse(given)).toThrow('computed by the processor alone');
    }
  });
});
