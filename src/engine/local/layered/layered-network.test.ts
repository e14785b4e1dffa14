import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../../model/config.ts';
import { readModelFiles } from '../../../model/files/model-files.ts';
import { parameterSpecs } from '../../../model/parameters.ts';
import {
  largestDifference,
  type TinyCase,
  tinyCases,
  tinyConfig,
  tinyModelDirectory,
  tinyPrompt,
} from '../../../model/tiny-model.fixture.ts';
import { branchGroups, type UpdateBatch, updateBatch } from '../batch.ts';
import type { Network, TargetFacts } from '../network.ts';
import { everyParameter, openNetwork } from '../open-network.ts';
import { createParameterBuffer, createStores } from '../weights/parameter-buffer.ts';
import { WholeNetwork } from '../whole/whole-network.ts';

const never = new AbortController().signal;
let config: ModelConfig;
let folder: string;
let whole: Network;
/** The whole network, its matrices rounded as a base in 8 bits has them. */
let dequantised: Network;

type Views = Readonly<Record<string, Float32Array>>;

beforeAll(async () => {
  config = await tinyConfig();
  folder = await mkdtemp(join(tmpdir(), 'medix-layered-'));
  whole = await open({ kind: 'whole', trained: everyParameter });
  dequantised = roundedNetwork(whole.trained.views);
});
afterAll(async () => {
  await whole.close();
  await dequantised.close();
  await rm(folder, { recursive: true });
});

/** The token table stays as it is, so that the head is a matrix of its own. */
function roundedNetwork(views: Views): Network {
  const untied = { ...config, text: { ...config.text, tieWordEmbeddings: false } };
  const weights = createStores(untied, () => true);
  const table = views['model.language_model.embed_tokens.weight']!;
  for (const { name, shape, isLinear } of parameterSpecs(untied)) {
    const values = views[name] ?? table;
    weights.views[name]!.set(isLinear ? rounded(values, shape[1]!) : values);
  }
  return new WholeNetwork(untied, { directory: '', files: {}, weights });
}

/** Rows in steps of a 127th of their largest magnitude. */
function rounded(values: Float32Array, width: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += width) {
    const row = values.subarray(start, start + width);
    const scale = Math.fround(row.reduce((top, value) => Math.max(top, Math.abs(value)), 0) / 127);
    result.set(
      row.map((value) => scale * Math.round(value / scale)),
      start,
    );
  }
  return result;
}

async function open(options: Parameters<typeof openNetwork>[3]): Promise<Network> {
  return openNetwork(tinyModelDirectory, config, await readModelFiles(tinyModelDirectory), options);
}

const layeredOptions = { kind: 'layered', adapter: undefined, keptBytes: 0 } as const;

async function batchOf(tiny: TinyCase) {
  const sequence = { prompt: await tinyPrompt(tiny), completion: Int32Array.from(tiny.greedy) };
  return updateBatch(branchGroups([sequence], true), config);
}

function normOf(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

/** Gradients of the sum of all logprobs, or of all entropies, which are told too. */
async function gradientOf(network: Network, batch: UpdateBatch, movesEntropies = false) {
  const gradient = createParameterBuffer(network.trained.specs);
  let entropies = new Float32Array();
  const gradients = (facts: TargetFacts) => {
    entropies = facts.entropies.slice();
    const logprobs = new Float32Array(entropies.length).fill(movesEntropies ? 0 : 1);
    return { logprobs, ...(movesEntropies ? { entropies: logprobs.map(() => 1) } : {}) };
  };
  await network.accumulate(batch, { movesEntropies, gradients }, gradient, never, 'step 0');
  return { ...gradient, entropies };
}

describe.each(['f32', 'f16', 'int8'] as const)('a base in %s', (base) => {
  it.each(tinyCases)('scores the case $name as the whole network does', async (tiny) => {
    const layered = await open({ ...layeredOptions, base, cache: folder });
    const batch = await batchOf(tiny);
    const expected = await whole.score(batch, 'policy', never);
    const actual = await layered.score(batch, 'policy', never);
    const tolerance = { f32: 1e-5, f16: 1e-2, int8: 2e-1 }[base];
    expect(largestDifference(actual, expected)).toBeLessThan(tolerance);
    await layered.close();
  });
});

const settings = { rank: 4, alpha: 8, rankStabilized: false, targets: '.*' };
const adapter = { settings, seed: 1 };

describe.each(['f32', 'int8'] as const)('an adapter over a base in %s', (base) => {
  it.each(
    tinyCases.flatMap((tiny) => [false, true].map((entropies) => ({ ...tiny, tiny, entropies }))),
  )('has the gradient that its matrices have ($name, of entropies: $entropies)', async (the) => {
    const layered = await open({ ...layeredOptions, adapter, base, cache: folder });
    const reference = base === 'f32' ? whole : dequantised;
    const batch = await batchOf(the.tiny);
    const matrices = await gradientOf(reference, batch, the.entropies);
    const { views, entropies } = await gradientOf(layered, batch, the.entropies);
    const tolerance = base === 'f32' ? 1e-5 : 1e-3;
    expect(largestDifference(entropies, matrices.entropies)).toBeLessThan(tolerance);
    for (const [name, actual] of Object.entries(views)) {
      const expected = factorGradient(name, matrices.views, layered.trained.views);
      const difference = largestDifference(actual, expected);
      expect(difference, name).toBeLessThan(tolerance * (1 + normOf(matrices.flat)));
    }
    await layered.close();
  });
});

/** dB = scale · dW · Aᵀ; of A it is 0 as long as B is. */
function factorGradient(name: string, matrices: Views, factors: Views): Float32Array {
  const layer = name.replace(/\.lora_[AB]\.weight$/, '');
  if (name.includes('lora_A')) return new Float32Array(factors[name]!.length);
  const matrix = matrices[`${layer}.weight`]!;
  const down = factors[`${layer}.lora_A.weight`]!;
  const { rank } = settings;
  const columns = down.length / rank;
  return Float32Array.from({ length: factors[name]!.length }, (_, i) => {
    const [row, factor] = [Math.floor(i / rank), i % rank];
    let total = 0;
    for (let k = 0; k < columns; k++) {
      total += matrix[row * columns + k]! * down[factor * columns + k]!;
    }
    return (settings.alpha / rank) * total;
  });
}

it('a base in int8 computes what its integers mean', async () => {
  const layered = await open({ ...layeredOptions, base: 'int8', cache: folder });
  for (const tiny of tinyCases) {
    const batch = await batchOf(tiny);
    const expected = await dequantised.score(batch, 'policy', never);
    const actual = await layered.score(batch, 'policy', never);
    expect(largestDifference(actual, expected)).toBeLessThan(2e-3);
  }
  await layered.close();
});
