import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModelFiles } from '../../../model/files/model-files.ts';
import { openModelSource } from '../../../model/files/model-source.ts';
import { openSafetensors } from '../../../model/files/safetensors.ts';
import { parameterSpecs } from '../../../model/parameters.ts';
import {
  largestDifference,
  tinyCases,
  tinyConfig,
  tinyModelDirectory,
  tinyPrompt,
} from '../../../model/tiny-model.fixture.ts';
import type { Engine, Loss, Sequence } from '../../engine.ts';
import { openLocalEngine } from '../local-engine.ts';
import { targetsOf } from './adapter-file.ts';
import { createParameterBuffer, writeParameters } from './parameter-buffer.ts';

const never = new AbortController().signal;
const settings = {
  ...{ rank: 4, alpha: 8, rankStabilized: true, dropout: 0.1 },
  targets: '.*(q_proj|o_proj|attn.qkv)',
};
const network = {
  kind: 'layered',
  base: 'f32',
  adapter: { settings, seed: 1 },
  cache: '',
  keptBytes: 0,
} as const;

let root: string;
let sequences: readonly Sequence[];
/** Where an engine wrote its adapter, and the logprobs that it gave then. */
let folder: string;
let trained: readonly Float32Array[];

const adam = {
  learningRate: 1e-2,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0,
  maxGradNorm: 1,
};

const likelier: Loss = (inputs) => ({
  loss: 0,
  gradients: inputs.map(({ policyLogprobs }) => policyLogprobs.map(() => -1)),
  metrics: {},
});

async function train(engine: Engine): Promise<void> {
  await engine.forwardBackward(sequences, likelier, never);
  await engine.optimStep(adam);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'medix-adapter-'));
  sequences = await Promise.all(
    tinyCases.slice(0, 2).map(async (tiny) => ({
      prompt: await tinyPrompt(tiny),
      completion: Int32Array.from(tiny.greedy),
    })),
  );
  const engine = await openLocalEngine(tinyModelDirectory, { network });
  await train(engine);
  folder = join(root, 'adapter');
  await engine.exportModel(folder);
  trained = await engine.logprobs(sequences, 'policy', never);
  await engine.close();
});
afterAll(() => rm(root, { recursive: true }));

/** The adapter's folder with changes to one of its JSON files. */
async function changed(name: string, file: string, change: (content: never) => object) {
  const copy = join(root, name);
  await mkdir(copy);
  for (const one of ['adapter_config.json', 'adapter_model.safetensors', 'medix.json']) {
    await writeFile(join(copy, one), await readFile(join(folder, one)));
  }
  const content = JSON.parse(await readFile(join(copy, file), 'utf8')) as never;
  await writeFile(join(copy, file), JSON.stringify(change(content)));
  return copy;
}

describe('an exported adapter', () => {
  it('answers as the policy that it was', async () => {
    const engine = await openLocalEngine(folder);
    const opened = await engine.logprobs(sequences, 'policy', never);
    await engine.close();
    opened.forEach((row, i) => {
      expect(largestDifference(row, trained[i]!)).toBe(0);
    });
  });

  it('is the reference of a training that begins with it', async () => {
    const engine = await openLocalEngine(folder);
    await train(engine);
    const policy = await engine.logprobs(sequences, 'policy', never);
    const reference = await engine.logprobs(sequences, 'reference', never);
    await engine.close();
    reference.forEach((row, i) => {
      expect(largestDifference(row, trained[i]!)).toBe(0);
      expect(largestDifference(row, policy[i]!)).toBeGreaterThan(1e-3);
    });
  });

  it('has the files of its tokenizer and processor, byte for byte', async () => {
    expect(await readModelFiles(folder)).toEqual(await readModelFiles(tinyModelDirectory));
  });

  it('names base, rank and layers as peft does', async () => {
    const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'));
    expect(config).toMatchObject({
      peft_type: 'LORA',
      base_model_name_or_path: tinyModelDirectory,
      r: 4,
      lora_alpha: 8,
      use_rslora: true,
      lora_dropout: 0.1,
      target_modules: ['o_proj', 'q_proj', 'qkv'],
    });
    const store = await openSafetensors(join(folder, 'adapter_model.safetensors'));
    expect([...store.tensors.keys()]).toContain(
      'base_model.model.model.visual.blocks.0.attn.qkv.lora_A.weight',
    );
    await store.close();
  });

  it('is refused on a base that it was not trained on', async () => {
    const other = await changed('other-base', 'medix.json', ({ base }) => ({
      base: { ...(base as object), digest: '0'.repeat(64) },
    }));
    await expect(openLocalEngine(other)).rejects.toThrow(
      /expected the base that it was trained on \(digest 000000000000\), got another one in/,
    );
  });

  it('is refused where its factors have another rank than its config says', async () => {
    const other = await changed('other-rank', 'adapter_config.json', (config: object) => ({
      ...config,
      r: 8,
    }));
    await expect(openLocalEngine(other)).rejects.toThrow(
      /lora_A\.weight: expected shape \[8, \d+\], .*, got \[4, \d+\]/,
    );
  });

  it('is refused where its base has no such layer', async () => {
    const other = await changed('other-layers', 'adapter_config.json', (config) => config);
    const name = 'base_model.model.model.language_model.layers.9.self_attn.q_proj';
    const specs = [
      { name: `${name}.lora_A.weight`, shape: [4, 64] },
      { name: `${name}.lora_B.weight`, shape: [64, 4] },
    ];
    const file = join(other, 'adapter_model.safetensors');
    await writeParameters(file, [['', createParameterBuffer(specs)]]);
    await expect(openLocalEngine(other)).rejects.toThrow(
      /got factors of model\.language_model\.layers\.9\.self_attn\.q_proj, which is none/,
    );
  });
});

it('without an adapter the files of the model are exported as they are', async () => {
  const engine = await openLocalEngine(tinyModelDirectory, {
    network: { ...network, adapter: undefined },
  });
  const copy = join(root, 'copy');
  await engine.exportModel(copy);
  await engine.close();
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json']) {
    const original = await readFile(join(tinyModelDirectory, name));
    expect((await readFile(join(copy, name))).equals(original), name).toBe(true);
  }
});

describe('a checkpoint of an adapter', () => {
  const other = (change: object) => ({
    network: { ...network, adapter: { settings: { ...settings, ...change }, seed: 1 } },
  });

  it.each([
    [
      'another rank',
      other({ rank: 2 }),
      /expected .* rank 2, alpha 8.*, got one with rank 4, alpha 8/,
    ],
    [
      'other layers',
      other({ targets: ['q_proj'] }),
      /of 3 layers, got one of \d+ layers; .* is in one/,
    ],
    [
      'another format of the base',
      { network: { ...network, base: 'f16' } as const },
      /in f16, got .* in f32; resume with engine\.base=f32/,
    ],
    ['all weights', {}, /expected a checkpoint of all weights of the model, got one of an adapter/],
  ])('is refused by an engine with %s', async (_, options, message) => {
    const engine = await openLocalEngine(tinyModelDirectory, { network });
    const checkpoint = await mkdtemp(join(root, 'checkpoint-'));
    const handle = await engine.save(checkpoint);
    await engine.close();
    const another = await openLocalEngine(tinyModelDirectory, options);
    await expect(another.load(handle, checkpoint)).rejects.toThrow(message);
    await another.close();
  });

  it('is not looked for among all weights', async () => {
    const whole = await openLocalEngine(tinyModelDirectory);
    const handle = await whole.save(join(root, 'whole'));
    await whole.close();
    const engine = await openLocalEngine(tinyModelDirectory, { network });
    await expect(engine.load(handle, join(root, 'whole'))).rejects.toThrow(
      /expected a checkpoint of an adapter, got one of all weights of a model/,
    );
    await engine.close();
  });
});

it('endings stand for layers only where no other layer ends so', async () => {
  const specs = parameterSpecs(await tinyConfig());
  const layers = (pattern: RegExp) =>
    specs
      .filter(({ name, isLinear }) => isLinear && pattern.test(name))
      .map(({ name }) => name.replace('.weight', ''));
  expect(targetsOf(layers(/q_proj|v_proj/), specs)).toEqual(['q_proj', 'v_proj']);
  // Of the patch embedding too, which is no linear layer.
  expect(targetsOf(layers(/attn\.proj/), specs)).toEqual(layers(/attn\.proj/));
  expect(targetsOf(layers(/layers\.0\..*q_proj/), specs)).toEqual(layers(/layers\.0\..*q_proj/));
});

it('an opened adapter keeps its source', async () => {
  expect((await openModelSource(folder)).adapter?.trainedOn?.format).toBe('f32');
});
