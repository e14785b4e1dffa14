/** Families that read text alone, layer by layer: against the whole network, and with an adapter against `peft`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelConfig, readModelConfig } from '../../../model/config.ts';
import { openModelSource } from '../../../model/files/model-source.ts';
import { openSafetensors } from '../../../model/files/safetensors.ts';
import { textFamilies, textPrompt } from '../../../model/text-families.fixture.ts';
import { largestDifference } from '../../../model/tiny-model.fixture.ts';
import { branchGroups, updateBatch } from '../batch.ts';
import type { Network } from '../network.ts';
import { everyParameter, type NetworkOptions, openNetwork } from '../open-network.ts';
import { sampleBatched } from '../sampling/sampler.ts';
import { crossEntropy } from '../whole/cross-entropy.fixture.ts';

const never = new AbortController().signal;
let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'medix-text-'));
});
afterAll(() => rm(cache, { recursive: true }));

describe.each(textFamilies)('a model of the family $name', (family) => {
  let config: ModelConfig;
  beforeAll(async () => {
    config = await readModelConfig(family.model);
  });

  const open = (options: NetworkOptions) => openNetwork(family.model, config, {}, options);
  const layered = { kind: 'layered', adapter: undefined, keptBytes: 0 } as const;
  const batchOf = (name: string) => {
    const one = family.cases.find((candidate) => candidate.name === name)!;
    const sequence = { prompt: textPrompt(one), completion: Int32Array.from(one.greedy) };
    return updateBatch(branchGroups([sequence], true), config);
  };

  it.each([
    ['f32', 1e-5],
    ['f16', 2e-2],
    ['int8', 2e-1],
  ] as const)('over a base in %s scores as the whole network does', async (base, tolerance) => {
    const whole = await open({ kind: 'whole', trained: everyParameter });
    const parts = await open({ ...layered, base, cache });
    for (const { name } of family.cases) {
      const expected = await whole.score(batchOf(name), 'policy', never);
      const actual = await parts.score(batchOf(name), 'policy', never);
      expect(largestDifference(actual, expected)).toBeLessThan(tolerance);
    }
    await whole.close();
    await parts.close();
  });

  it('continues greedily as transformers does', async () => {
    const network = await open({ ...layered, base: 'f32', cache });
    const settings = {
      ...{ directory: family.model, config, network, stopTokens: [] },
      ...{ bannedTokens: config.tokens.eos, maxRows: 8 },
      ...{ maxPrefillTokens: 8192, maxCacheTokens: 8192 },
    };
    const requests = family.cases.map((one) => ({
      prompt: textPrompt(one),
      keys: ['a'],
      maxTokens: one.greedy.length,
      ...{ temperature: 0, topP: 1, topK: 0 },
    }));
    for await (const { request, completions } of sampleBatched(requests, settings, never)) {
      expect([...completions[0]!.tokens]).toEqual(family.cases[request]!.greedy);
    }
    await network.close();
  });

  it.each([0, 1e9])(
    'with an adapter of peft has the loss and the gradients of torch (%d bytes kept)',
    async (keptBytes) => {
      const { adapter } = await openModelSource(family.adapter);
      const network: Network = await open({
        ...{ kind: 'layered', base: 'f32', cache, keptBytes },
        adapter: { opened: adapter! },
      });
      const expected = await openSafetensors(`${family.adapter}/gradients.safetensors`);
      const ours = await crossEntropy(network, batchOf(family.adapterLoss.case));
      expect(Math.abs(ours.loss - family.adapterLoss.loss)).toBeLessThan(1e-3);
      expect(Object.keys(ours.views).sort()).toEqual([...expected.tensors.keys()].sort());
      for (const [factor, values] of Object.entries(ours.views)) {
        const theirs = await expected.read(factor);
        const size = Math.max(...theirs.map(Math.abs));
        expect(largestDifference(values, theirs), factor).toBeLessThan(1e-4 * (1 + size));
      }
      await expected.close();
      await network.close();
    },
  );
});
