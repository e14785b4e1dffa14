/** Families that read text alone, against `transformers`: the fixture's README.md tells how its values were made. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelConfig, readModelConfig } from '../../../model/config.ts';
import { textFamilies, textLogits, textPrompt } from '../../../model/text-families.fixture.ts';
import { largestDifference } from '../../../model/tiny-model.fixture.ts';
import { branchGroups, updateBatch } from '../batch.ts';
import type { Network } from '../network.ts';
import { sampleBatched } from '../sampling/sampler.ts';
import { createStores, type ParameterStores, readParameters } from '../weights/parameter-buffer.ts';
import { crossEntropy } from './cross-entropy.fixture.ts';
import { logitsOf } from './logits.fixture.ts';
import { WholeNetwork } from './whole-network.ts';

describe.each(textFamilies)('a model of the family $name', (family) => {
  let config: ModelConfig;
  let weights: ParameterStores;
  let network: Network;
  beforeAll(async () => {
    config = await readModelConfig(family.model);
    weights = createStores(config, () => true);
    await readParameters(weights.trained, family.model);
    network = new WholeNetwork(config, { directory: family.model, files: {}, weights });
  });
  afterAll(() => network.close());

  it.each(family.cases)(
    'gives the logits of transformers at every position ($name)',
    async (one) => {
      const tokens = Int32Array.of(...one.inputIds, ...one.greedy);
      const logits = await logitsOf({ tokens, images: [] }, config, weights.views);
      expect(largestDifference(logits, await textLogits(family, one))).toBeLessThan(1e-3);
    },
  );

  it.each(family.cases)('continues greedily as transformers does ($name)', async (one) => {
    const request = {
      prompt: textPrompt(one),
      keys: ['a', 'b'],
      maxTokens: one.greedy.length,
      temperature: 0,
      topP: 1,
      topK: 0,
    };
    const settings = {
      directory: family.model,
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

  it.each(family.cases)('has the gradient of transformers ($name)', async (one) => {
    const sequence = { prompt: textPrompt(one), completion: Int32Array.from(one.greedy) };
    const gradient = await crossEntropy(
      network,
      updateBatch(branchGroups([sequence], true), config),
    );
    expect(Math.abs(gradient.loss - one.completionLoss)).toBeLessThan(1e-3);
    const expected = family.gradients[one.name]!;
    expect(Object.keys(gradient.views).sort()).toEqual(Object.keys(expected).sort());
    for (const [name, { norm, sum }] of Object.entries(expected)) {
      const values = gradient.views[name]!;
      const ourNorm = Math.sqrt(values.reduce((total, g) => total + g * g, 0));
      const ourSum = values.reduce((total, g) => total + g, 0);
      expect(Math.abs(ourNorm - norm), name).toBeLessThan(1e-3 * (1 + norm));
      expect(Math.abs(ourSum - sum), name).toBeLessThan(2e-3 * (1 + norm));
    }
  });
});
