/** Against torch: test/parity/lora_gradients.py wrote the adapter, its losses and their gradients. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../model/config.ts';
import { readModelFiles } from '../../../model/files/model-files.ts';
import { openModelSource } from '../../../model/files/model-source.ts';
import { openSafetensors, type TensorStore } from '../../../model/files/safetensors.ts';
import { largestDifference, tinyCases, tinyPrompt } from '../../../model/tiny-model.fixture.ts';
import { branchGroups, updateBatch } from '../batch.ts';
import type { Network } from '../network.ts';
import { openNetwork } from '../open-network.ts';
import { crossEntropy } from '../whole/cross-entropy.fixture.ts';

const golden = fileURLToPath(new URL('../../../../test/golden/lora/', import.meta.url));
const { losses } = JSON.parse(readFileSync(`${golden}origin.json`, 'utf8')) as {
  readonly losses: Readonly<Record<string, number>>;
};

const { folder, adapter } = await openModelSource(golden);
const config = await readModelConfig(folder);
let gradients: TensorStore;

beforeAll(async () => {
  gradients = await openSafetensors(`${golden}gradients.safetensors`);
});
afterAll(() => gradients.close());

describe.each([0, 1e9])(
  'an adapter of peft, with %d bytes kept for the backward pass',
  (keptBytes) => {
    let network: Network;
    beforeAll(async () => {
      if (adapter === undefined) throw new Error('no adapter');
      const options = { kind: 'layered', base: 'f32', cache: '', keptBytes } as const;
      const files = await readModelFiles(folder);
      network = await openNetwork(folder, config, files, {
        ...options,
        adapter: { opened: adapter },
      });
    });
    afterAll(() => network.close());

    it.each(Object.entries(losses))(
      'has the loss and the gradients of torch (%s)',
      async (name, loss) => {
        const tiny = tinyCases.find((candidate) => candidate.name === name)!;
        const sequence = {
          prompt: await tinyPrompt(tiny),
          completion: Int32Array.from(tiny.greedy),
        };
        const ours = await crossEntropy(
          network,
          updateBatch(branchGroups([sequence], true), config),
        );
        expect(Math.abs(ours.loss - loss)).toBeLessThan(1e-3);
        for (const [factor, values] of Object.entries(ours.views)) {
          // Without images, torch has no gradient for the tower.
          const isThere = gradients.tensors.has(`${name}/${factor}`);
          const theirs = isThere ? await gradients.read(`${name}/${factor}`) : values.map(() => 0);
          const size = Math.max(...theirs.map(Math.abs));
          expect(isThere || factor.includes('.visual.'), factor).toBe(true);
          expect(largestDifference(values, theirs), factor).toBeLessThan(1e-4 * (1 + size));
        }
      },
    );
  },
);
