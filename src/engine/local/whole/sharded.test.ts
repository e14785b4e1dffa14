/** Checkpoints in shards, as they are published, against `transformers`; made by test/parity/sharded_weights.py. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../model/config.ts';
import { openSafetensors } from '../../../model/files/safetensors.ts';
import {
  largestDifference,
  type TinyCase,
  tinyCases,
  tinyPrompt,
} from '../../../model/tiny-model.fixture.ts';
import { branchGroups, updateBatch } from '../batch.ts';
import { openNetwork } from '../open-network.ts';
import { createStores, readParameters } from '../weights/parameter-buffer.ts';
import { logitsOf } from './logits.fixture.ts';

const root = fileURLToPath(new URL('../../../../test/fixtures/qwen3-vl-sharded/', import.meta.url));
const cases = tinyCases.filter(({ name }) => ['text-only', 'enlarged'].includes(name));
const never = new AbortController().signal;

async function goldenLogits(type: string, { name }: TinyCase): Promise<Float32Array> {
  const store = await openSafetensors(`${root}${type}-logits.safetensors`);
  return store.read(name).finally(() => store.close());
}

/** Logprobs of the last tokens at temperature 1. */
function logprobsOf(logits: Float32Array, tokens: readonly number[]): Float32Array {
  const width = 400;
  const first = logits.length / width - tokens.length - 1;
  return Float32Array.from(tokens, (token, i) => {
    const row = logits.subarray((first + i) * width, (first + i + 1) * width);
    const sum = row.reduce((total, logit) => total + Math.exp(logit), 0);
    return row[token]! - Math.log(sum);
  });
}

describe.each([
  ['bf16', 'BF16', 2],
  ['f16', 'F16', 2],
  ['f32', 'F32', 4],
])('a checkpoint of %s in shards', (type, dtype, shards) => {
  const folder = `${root}${type}`;

  it(`holds ${dtype} in ${shards} files`, async () => {
    const store = await openSafetensors(folder);
    expect(new Set([...store.tensors.values()].map((tensor) => tensor.dtype))).toEqual(
      new Set([dtype]),
    );
    await store.close();
  });

  it.each(cases)('gives the logits of transformers ($name)', async (tiny) => {
    const config = await readModelConfig(folder);
    const weights = createStores(config, () => true);
    await readParameters(weights.trained, folder);
    const prompt = await tinyPrompt(tiny);
    const tokens = Int32Array.of(...prompt.tokens, ...tiny.greedy);
    const logits = await logitsOf({ ...prompt, tokens }, config, weights.views);
    expect(largestDifference(logits, await goldenLogits(type, tiny))).toBeLessThan(1e-3);
  });

  it.each(cases)('gives its logprobs as a frozen base, too ($name)', async (tiny) => {
    const config = await readModelConfig(folder);
    const network = await openNetwork(
      folder,
      config,
      {},
      {
        kind: 'layered',
        base: 'f32',
        adapter: undefined,
        cache: '',
        keptBytes: 0,
      },
    );
    const sequence = { prompt: await tinyPrompt(tiny), completion: Int32Array.from(tiny.greedy) };
    const batch = updateBatch(branchGroups([sequence], true), config);
    const logprobs = await network.score(batch, 'policy', never);
    await network.close();
    const expected = logprobsOf(await goldenLogits(type, tiny), tiny.greedy);
    expect(largestDifference(logprobs, expected)).toBeLessThan(1e-3);
  });
});
