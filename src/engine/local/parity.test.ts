/** Against `transformers`: the fixture's README.md tells how its values were made. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../model/config.ts';
import { promptAttention } from '../../model/decoder/attention.ts';
import { decoderGraph, vocabularyLogits } from '../../model/decoder/decoder-graph.ts';
import { parameterNodes, parameterSpecs } from '../../model/parameters.ts';
import type { Prompt } from '../../model/prompt.ts';
import {
  largestDifference,
  type TinyCase,
  tinyCases,
  tinyConfig,
  tinyGrids,
  tinyModelDirectory,
  tinyTensor,
} from '../../model/tiny-model.fixture.ts';
import { visionGraph } from '../../model/vision/vision-graph.ts';
import { dimMultiply } from '../../tensor/dim.ts';
import { Program } from '../../tensor/program.ts';
import { branchGroups, prefillBatch, updateBatch } from './batch.ts';
import { crossEntropy } from './cross-entropy.fixture.ts';
import { Programs } from './programs.ts';
import { sampleBatched } from './sampler.ts';
import { createParameterBuffer, type ParameterBuffer, readParameters } from './weights.ts';

let config: ModelConfig;
let weights: ParameterBuffer;
let names: readonly string[];

beforeAll(async () => {
  config = await tinyConfig();
  const specs = parameterSpecs(config);
  names = specs.map(({ name }) => name);
  weights = createParameterBuffer(specs);
  await readParameters(weights, tinyModelDirectory);
});

/** The case's own tokens and pixels, so that only the network is compared. */
async function promptOf(tiny: TinyCase): Promise<Prompt> {
  const grids = tinyGrids(tiny);
  const pixels = grids.length > 0 ? await tinyTensor(tiny.name, 'pixel_values') : undefined;
  let offset = 0;
  const images = grids.map((grid) => {
    const size = grid.t * grid.h * grid.w * 1536;
    offset += size;
    return { grid, patches: pixels!.subarray(offset - size, offset) };
  });
  return { tokens: Int32Array.from(tiny.inputIds), images };
}

describe.each(tinyCases)('the fixture case $name', (tiny) => {
  it('gives the logits of transformers at every position', async () => {
    const prompt = await promptOf(tiny);
    const tokens = Int32Array.of(...prompt.tokens, ...tiny.greedy);
    const nodes = parameterNodes(config);
    const lookup = (name: string) => nodes.get(name)!;
    const tower = prompt.images.length > 0 ? visionGraph(config.vision, lookup) : undefined;
    const attend = promptAttention(config.text);
    const { hidden } = decoderGraph(config.text, dimMultiply('P', 'S'), lookup, attend, tower);
    const program = await Program.compile({
      logits: vocabularyLogits(hidden, config.text, lookup),
    });
    const { values, bindings } = prefillBatch([{ ...prompt, tokens }], config);
    const logits = new Float32Array(tokens.length * config.text.vocabSize);
    await program.run({ ...weights.views, ...values }, { logits }, bindings);
    await program.dispose();
    const expected = await tinyTensor(tiny.name, 'logits');
    expect(largestDifference(logits, expected)).toBeLessThan(1e-3);
  });

  it('continues greedily as transformers does', async () => {
    const programs = new Programs(config, names);
    const request = {
      prompt: await promptOf(tiny),
      keys: ['a', 'b'],
      maxTokens: tiny.greedy.length,
      temperature: 0,
      topP: 1,
      topK: 0,
    };
    const settings = {
      directory: tinyModelDirectory,
      config,
      programs,
      parameters: weights.views,
      stopTokens: [],
      bannedTokens: config.tokens.eos,
      maxRows: 8,
      maxPrefillTokens: 8192,
    };
    for await (const group of sampleBatched([request], settings, new AbortController().signal)) {
      for (const { tokens } of group.completions) expect([...tokens]).toEqual(tiny.greedy);
    }
    await programs.dispose();
  });

  it('has the gradient of transformers', async () => {
    const programs = new Programs(config, names);
    const sequence = { prompt: await promptOf(tiny), completion: Int32Array.from(tiny.greedy) };
    const batch = updateBatch(branchGroups([sequence], true), config);
    const gradient = await crossEntropy(programs, weights, batch);
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
    await programs.dispose();
  });
});
