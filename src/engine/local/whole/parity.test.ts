/** Against `transformers`: the fixture's README.md tells how its values were made. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../../model/config.ts';
import { readModelFiles } from '../../../model/files/model-files.ts';
import {
  largestDifference,
  tinyCases,
  tinyConfig,
  tinyModelDirectory,
  tinyPrompt,
  tinyTensor,
} from '../../../model/tiny-model.fixture.ts';
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
  config = await tinyConfig();
  weights = createStores(config, () => true);
  await readParameters(weights.trained, tinyModelDirectory);
  const files = await readModelFiles(tinyModelDirectory);
  network = new WholeNetwork(config, { directory: tinyModelDirectory, files, weights });
});
afterAll(() => network.close());

describe.each(tinyCases)('the fixture case $name', (tiny) => {
  it('gives the logits of transformers at every position', async () => {
    const prompt = await tinyPrompt(tiny);
    const tokens = Int32Array.of(...prompt.tokens, ...tiny.greedy);
    const logits = await logitsOf({ ...prompt, tokens }, config, weights.views);
    const expected = await tinyTensor(tiny.name, 'logits');
    expect(largestDifference(logits, expected)).toBeLessThan(1e-3);
  });

  it('continues greedily as transformers does', async () => {
    const request = {
      prompt: await tinyPrompt(tiny),
      keys: ['a', 'b'],
      maxTokens: tiny.greedy.length,
      temperature: 0,
      topP: 1,
      topK: 0,
    };
    const settings = {
      directory: tinyModelDirectory,
      config,
      network,
      stopTokens: [],
      bannedTokens: config.tokens.eos,
      maxRows: 8,
      maxPrefillTokens: 8192,
      maxCacheTokens: 8192,
    };
    for await (const group of sampleBatched([request], settings, new AbortController().signal)) {
      for (const { tokens } of group.completions) expect([...tokens]).toEqual(tiny.greedy);
    }
  });

  it('has the gradient of transformers', async () => {
    const sequence = { prompt: await tinyPrompt(tiny), completion: Int32Array.from(tiny.greedy) };
    const batch = updateBatch(branchGroups([sequence], true), config);
    const gradient = await crossEntropy(network, batch);
    expect(Math.abs(gradient.loss - tiny.completionLoss)).toBeLessThan(1e-3);
    const path = `${tinyModelDirectory}/../gradients.json`;
    const expected = JSON.parse(readFileSync(path, 'utf8'))[tiny.name] as Record<
      string,
      { norm: number; sum: number }
    >;
    for (const [name, { norm, sum }] of Object.entries(expected)) {
      const values = gradient.views[name]!;
      const ourNorm = Math.sqrt(values.reduce((total, g) => total + g * g, 0));
      const ourSum = values.reduce((total, g) => total + g, 0);
      expect(Math.abs(ourNorm - norm)).toBeLessThan(1e-3 * (1 + norm));
      expect(Math.abs(ourSum - sum)).toBeLessThan(2e-3 * (1 + norm));
    }
  });
});
