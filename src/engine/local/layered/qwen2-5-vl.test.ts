/** Qwen2.5-VL layer by layer: biases of projections, and a tower that attends within windows. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../../model/config.ts';
import { readModelFiles } from '../../../model/files/model-files.ts';
import { openModelSource } from '../../../model/files/model-source.ts';
import { openSafetensors } from '../../../model/files/safetensors.ts';
import { olderNames } from '../../../model/files/weight-names.ts';
import { writeSafetensors } from '../../../model/files/write-safetensors.ts';
import { largestDifference } from '../../../model/tiny-model.fixture.ts';
import {
  type WindowedCase,
  windowedAdapterDirectory,
  windowedCases,
  windowedConfig,
  windowedModelDirectory,
  windowedPrompt,
} from '../../../model/tiny-qwen2-5-vl.fixture.ts';
import { branchGroups, type UpdateBatch, updateBatch } from '../batch.ts';
import type { Network, TargetFacts } from '../network.ts';
import { everyParameter, openNetwork } from '../open-network.ts';
import { createParameterBuffer } from '../weights/parameter-buffer.ts';
import { crossEntropy } from '../whole/cross-entropy.fixture.ts';

const never = new AbortController().signal;
let config: ModelConfig;
let folder: string;
let whole: Network;

beforeAll(async () => {
  config = await windowedConfig();
  folder = await mkdtemp(join(tmpdir(), 'medix-windowed-'));
  whole = await open({ kind: 'whole', trained: everyParameter });
});
afterAll(async () => {
  await whole.close();
  await rm(folder, { recursive: true });
});

async function open(options: Parameters<typeof openNetwork>[3]): Promise<Network> {
  const files = await readModelFiles(windowedModelDirectory);
  return openNetwork(windowedModelDirectory, config, files, options);
}

const layeredOptions = { kind: 'layered', adapter: undefined, keptBytes: 0 } as const;

async function batchOf(windowed: WindowedCase) {
  const completion = Int32Array.from(windowed.greedy);
  const sequence = { prompt: await windowedPrompt(windowed), completion };
  return updateBatch(branchGroups([sequence], true), config);
}

describe.each(['f32', 'f16', 'int8'] as const)('a base in %s', (base) => {
  it.each(windowedCases)('scores the case $name as the whole network does', async (windowed) => {
    const layered = await open({ ...layeredOptions, base, cache: folder });
    const batch = await batchOf(windowed);
    const expected = await whole.score(batch, 'policy', never);
    const actual = await layered.score(batch, 'policy', never);
    const tolerance = { f32: 1e-5, f16: 1e-2, int8: 2e-1 }[base];
    expect(largestDifference(actual, expected)).toBeLessThan(tolerance);
    await layered.close();
  });
});

const settings = { rank: 4, alpha: 8, rankStabilized: false, targets: '.*' };

/** Gradients of the sum of all logprobs. */
async function gradientOf(network: Network, batch: UpdateBatch) {
  const gradient = createParameterBuffer(network.trained.specs);
  const gradients = ({ logprobs }: TargetFacts) => ({ logprobs: logprobs.map(() => 1) });
  const sum = { movesEntropies: false, gradients };
  await network.accumulate(batch, sum, gradient, never, 'step 0');
  return gradient.views;
}

it.each(windowedCases)(
  'an adapter has the gradient that its matrices have ($name)',
  async (windowed) => {
    const adapter = { settings, seed: 1 };
    const layered = await open({ ...layeredOptions, adapter, base: 'f32', cache: folder });
    const batch = await batchOf(windowed);
    const matrices = await gradientOf(whole, batch);
    const factors = await gradientOf(layered, batch);
    for (const [name, actual] of Object.entries(factors)) {
      if (name.includes('lora_A')) continue;
      const layer = name.replace(/\.lora_B\.weight$/, '');
      const matrix = matrices[`${layer}.weight`]!;
      const down = layered.trained.views[`${layer}.lora_A.weight`]!;
      const columns = down.length / settings.rank;
      // dB = scale · dW · Aᵀ
      const expected = Float32Array.from(actual, (_, i) => {
        const [row, factor] = [Math.floor(i / settings.rank), i % settings.rank];
        let total = 0;
        for (let k = 0; k < columns; k++) {
          total += matrix[row * columns + k]! * down[factor * columns + k]!;
        }
        return (settings.alpha / settings.rank) * total;
      });
      const size = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0));
      expect(largestDifference(actual, expected), name).toBeLessThan(1e-4 * (1 + size));
    }
    await layered.close();
  },
);

describe('an adapter of peft', () => {
  /** The same as `transformers` before 4.52 made `peft` write it. */
  async function withOlderNames(): Promise<string> {
    const older = join(folder, 'older');
    await cp(windowedAdapterDirectory, older, { recursive: true });
    await cp(windowedModelDirectory, join(folder, 'model'), { recursive: true });
    const store = await openSafetensors(join(older, 'adapter_model.safetensors'));
    const prefix = 'base_model.model.';
    const tensors = await Promise.all(
      [...store.tensors].map(async ([name, { shape }]) => {
        const data = await store.read(name);
        return { name: prefix + olderNames.inFile(name.slice(prefix.length)), shape, data };
      }),
    );
    await store.close();
    await writeSafetensors(join(older, 'adapter_model.safetensors'), tensors);
    return older;
  }

  it.each([
    ['as it is', async () => windowedAdapterDirectory],
    ['with the names of older versions', withOlderNames],
  ])('has the loss and the gradients of torch, %s', async (_, adapterFolder) => {
    const { adapter } = await openModelSource(await adapterFolder());
    if (adapter === undefined) throw new Error('no adapter');
    const network = await open({
      ...{ ...layeredOptions, base: 'f32', cache: folder },
      adapter: { opened: adapter },
    });
    const golden = await readFile(join(windowedAdapterDirectory, 'loss.json'), 'utf8');
    const { case: name, greedy, loss } = JSON.parse(golden);
    const windowed = windowedCases.find((one) => one.name === name)!;
    const ours = await crossEntropy(network, await batchOf({ ...windowed, greedy }));
    expect(Math.abs(ours.loss - loss)).toBeLessThan(1e-3);
    const gradients = await openSafetensors(
      join(windowedAdapterDirectory, 'gradients.safetensors'),
    );
    expect(Object.keys(ours.views).toSorted()).toEqual([...gradients.tensors.keys()].toSorted());
    for (const [factor, values] of Object.entries(ours.views)) {
      const theirs = await gradients.read(factor);
      const size = Math.max(...theirs.map(Math.abs));
      expect(largestDifference(values, theirs), factor).toBeLessThan(1e-4 * (1 + size));
    }
    await gradients.close();
    await network.close();
  });
});
