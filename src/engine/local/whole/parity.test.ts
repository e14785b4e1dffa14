/** Against `transformers`: the README.md of each fixture tells how its values were made. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelConfig, readModelConfig } from '../../../model/config.ts';
import { readModelFiles } from '../../../model/files/model-files.ts';
import type { Prompt } from '../../../model/prompt.ts';
import {
  largestDifference,
  tinyCases,
  tinyModelDirectory,
  tinyPrompt,
  tinyTensor,
} from '../../../model/tiny-model.fixture.ts';
import {
  windowedCases,
  windowedModelDirectory,
  windowedPrompt,
  windowedTensor,
} from '../../../model/tiny-qwen2-5-vl.fixture.ts';
import { branchGroups, updateBatch } from '../batch.ts';
import type { Network } from '../network.ts';
import { sampleBatched } from '../sampling/sampler.ts';
import { createStores, type ParameterStores, readParameters } from '../weights/parameter-buffer.ts';
import { crossEntropy } from './cross-entropy.fixture.ts';
import { logitsOf } from './logits.fixture.ts';
import { WholeNetwork } from './whole-network.ts';

type Case = {
  readonly name: string;
  readonly greedy: readonly number[];
  readonly completionLoss: number;
  readonly prompt: () => Promise<Prompt>;
  readonly logits: () => Promise<Float32Array>;
};

type Gradients = Readonly<Record<string, Readonly<Record<string, { norm: number; sum: number }>>>>;

const models: readonly {
  readonly family: string;
  readonly directory: string;
  readonly cases: readonly Case[];
}[] = [
  {
    family: 'Qwen3-VL',
    directory: tinyModelDirectory,
    cases: tinyCases.map((one) => ({
      ...one,
      prompt: () => tinyPrompt(one),
      logits: () => tinyTensor(one.name, 'logits'),
    })),
  },
  {
    family: 'Qwen2.5-VL',
    directory: windowedModelDirectory,
    cases: windowedCases.map((one) => ({
      ...one,
      prompt: () => windowedPrompt(one),
      logits: () => windowedTensor(one.name, 'logits'),
    })),
  },
];

describe.each(models)('a $family', ({ directory, cases }) => {
  let config: ModelConfig;
  let weights: ParameterStores;
  let network: Network;
  const gradients: Gradients = JSON.parse(
    readFileSync(join(directory, '..', 'gradients.json'), 'utf8'),
  );

  beforeAll(async () => {
    config = await readModelConfig(directory);
    weights = createStores(config, () => true);
    await readParameters(weights.trained, directory);
    const files = await readModelFiles(directory);
    network = new WholeNetwork(config, { directory, files, weights });
  });
  afterAll(() => network.close());

  describe.each(cases)('in the case $name', (one) => {
    it('gives the logits of transformers at every position', async () => {
      const prompt = await one.prompt();
      const tokens = Int32Array.of(...prompt.tokens, ...one.greedy);
      const logits = await logitsOf({ ...prompt, tokens }, config, weights.views);
      expect(largestDifference(logits, await one.logits())).toBeLessThan(1e-3);
    });

    it('continues greedily as transformers does', async () => {
      const request = {
        prompt: await one.prompt(),
        keys: ['a', 'b'],
        maxTokens: one.greedy.length,
        temperature: 0,
        topP: 1,
        topK: 0,
      };
      const settings = {
        directory,
        config,
        network,
        stopTokens: [],
        bannedTokens: config.tokens.eos,
        maxRows: 8,
        maxPrefillTokens: 8192,
        maxCacheTokens: 8192,
      };
      for await (const group of sampleBatched([request], settings, new AbortController().signal)) {
        for (const { tokens } of group.completions) expect([...tokens]).toEqual(one.greedy);
      }
    });

    it('has the gradient of transformers', async () => {
      const sequence = { prompt: await one.prompt(), completion: Int32Array.from(one.greedy) };
      const batch = updateBatch(branchGroups([sequence], true), config);
      const gradient = await crossEntropy(network, batch);
      expect(Math.abs(gradient.loss - one.completionLoss)).toBeLessThan(1e-3);
      for (const [name, { norm, sum }] of Object.entries(gradients[one.name]!)) {
        const values = gradient.views[name]!;
        const ourNorm = Math.sqrt(values.reduce((total, g) => total + g * g, 0));
        const ourSum = values.reduce((total, g) => total + g, 0);
        expect(Math.abs(ourNorm - norm), name).toBeLessThan(1e-3 * (1 + norm));
        expect(Math.abs(ourSum - sum), name).toBeLessThan(2e-3 * (1 + norm));
      }
    });
  });
});
