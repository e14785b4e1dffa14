/** Against `transformers`: the fixture's README.md tells how its values were made. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../../model/config.ts';
import { readModelFiles } from '../../../model/files/model-files.ts';
import { largestDifference } from '../../../model/tiny-model.fixture.ts';
import {
  windowedCases,
  windowedConfig,
  windowedGradients,
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

let config: ModelConfig;
let weights: ParameterStores;
let network: Network;

beforeAll(async () => {
  config = await windowedConfig();
  weights = createStores(config, () => true);
  await readParameters(weights.trained, windowedModelDirectory);
  const files = await readModelFiles(windowedModelDirectory);
  network = new WholeNetwork(config, { directory: windowedModelDirectory, files, weights });
});
afterAll(() => network.close());

describe.each(windowedCases)('the Qwen2.5-VL case $name', (windowed) => {
  it('gives the logits of transformers at every position', async () => {
    const prompt = await windowedPrompt(windowed);
    const tokens = Int32Array.of(...prompt.tokens, ...windowed.greedy);
    const logits = await logitsOf({ ...prompt, tokens }, config, weights.views);
    const expected = await windowedTensor(windowed.name, 'logits');
    expect(largestDifference(logits, expected)).toBeLessThan(1e-3);
  });

  it('continues greedily as transformers does', async () => {
    const request = {
      prompt: await windowedPrompt(windowed),
      keys: ['a', 'b'],
      maxTokens: windowed.greedy.length,
      temperature: 0,
      topP: 1,
      topK: 0,
    };
    const settings = {
      directory: windowedModelDirectory,
      config,
      network,
      stopTokens: [],
      bannedTokens: config.tokens.eos,
      maxRows: 8,
      maxPrefillTokens: 8192,
      maxCacheTokens: 8192,
    };
    for await (const group of sampleBatched([request], settings, new AbortController().signal)) {
      for (const { tokens } of group.completions) expect([...tokens]).toEqual(windowed.greedy);
    }
  });

  it('has the gradient of transformers', async () => {
    const completion = Int32Array.from(windowed.greedy);
    const sequence = { prompt: await windowedPrompt(windowed), completion };
    const batch = updateBatch(branchGroups([sequence], true), config);
    const gradient = await crossEntropy(network, batch);
    expect(Math.abs(gradient.loss - windowed.completionLoss)).toBeLessThan(1e-3);
    for (const [name, { norm, sum }] of Object.entries(windowedGradients[windowed.name]!)) {
      const values = gradient.views[name]!;
      const ourNorm = Math.sqrt(values.reduce((total, g) => total + g * g, 0));
      const ourSum = values.reduce((total, g) => total + g, 0);
      expect(Math.abs(ourNorm - norm), name).toBeLessThan(1e-3 * (1 + norm));
      expect(Math.abs(ourSum - sum), name).toBeLessThan(2e-3 * (1 + norm));
    }
  });
});
