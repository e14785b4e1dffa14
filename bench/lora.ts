/**
 * `npm run bench:lora -- --model 2b --base int8`: one iteration of LoRA training of a model of true size, in a
 * process of its own, so that its peak of memory is that of a training run. Prints one line of JSON.
 */
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { trainingEngineSection } from '../src/config/engine-config.ts';
import { defined } from '../src/core/errors.ts';
import { rngFromKey } from '../src/core/rng.ts';
import type { Completion, Engine, Loss } from '../src/engine/engine.ts';
import { openEngine } from '../src/engine/open-engine.ts';
import { readModelConfig } from '../src/model/config.ts';
import type { Prompt } from '../src/model/prompt.ts';
import { type LargeModel, largeModels, makeLargeModel } from './large-model.ts';
import { never, seconds } from './timing.ts';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: '2b' },
    base: { type: 'string', default: 'int8' },
    memory: { type: 'string', default: '8GiB' },
    prompts: { type: 'string', default: '4' },
    completions: { type: 'string', default: '8' },
    promptTokens: { type: 'string', default: '400' },
    newTokens: { type: 'string', default: '96' },
    /** A folder with a model that was made before, and its 8-bit weights; made anew where it is not given. */
    folder: { type: 'string' },
  },
});
if (!largeModels.some((name) => name === options.model)) {
  throw new Error(`--model: one of ${largeModels.join(', ')}`);
}
const [prompts, completions, promptTokens, newTokens] = (
  ['prompts', 'completions', 'promptTokens', 'newTokens'] as const
).map((name) => Number(options[name])) as [number, number, number, number];

/** An image of 448 × 448 pixels: 28 × 28 patches of 3 × 2 × 16 × 16 numbers, 196 tokens. */
const patches = 28;
const patchNumbers = 1536;
const imageTokens = (patches / 2) ** 2;
/** More than rounding makes of a logprob: something is computed wrongly. */
const agreement = 1e-2;

export type LoraFigures = Awaited<ReturnType<typeof benchLora>>;

async function benchLora(directory: string) {
  const config = trainingEngineSection.parse({
    kind: 'local',
    base: options.base,
    memory: options.memory,
    cache: join(directory, 'integers'),
    lora: { rank: 16 },
  });
  const opened = () => openEngine(config, directory, { kind: 'train', seed: 1 }, never);
  const [readSeconds, bytes] = await seconds(() => readAll(directory));
  const [firstOpenSeconds, first] = await seconds(opened);
  await first.close();
  const [openSeconds, engine] = await seconds(opened);
  const made = await makePrompts(directory);
  const [sampleSeconds, sampled] = await seconds(() => sampleAll(engine, made));
  const { groups, firstTokenSeconds } = sampled;
  const sequences = groups.flatMap((group, p) =>
    group.map(({ tokens }) => ({ prompt: made[p]!, completion: tokens })),
  );
  const samplerGap = await samplerGapOf(engine, groups, sequences.slice(0, completions));
  const [updateSeconds, report] = await seconds(async () => {
    await engine.forwardBackward(sequences, unevenLoss, never);
    return engine.optimStep({
      learningRate: 1e-4,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
      maxGradNorm: 1,
    });
  });
  if (report.kind !== 'applied') throw new Error('the gradient was not finite');
  await engine.close();
  const tokens = groups.flat().reduce((total, one) => total + one.tokens.length, 0);
  return {
    model: options.model,
    base: options.base,
    setup: engine.model.setup,
    checkpointBytes: bytes,
    readSeconds,
    firstOpenSeconds,
    openSeconds,
    sampleSeconds,
    newTokensPerSecond: (tokens - groups.flat().length) / (sampleSeconds - firstTokenSeconds),
    prefillSeconds: firstTokenSeconds,
    updateSeconds,
    iterationSeconds: sampleSeconds + updateSeconds,
    samplerGap,
    gradNorm: report.gradNorm,
    peakGiB: process.resourceUsage().maxRSS / 2 ** 20,
  };
}

/** Prompts of random words, with one image of noise each. */
async function makePrompts(directory: string): Promise<readonly Prompt[]> {
  const { vision } = await readModelConfig(directory);
  const ids = defined(vision, 'the vision tower').tokens;
  const rng = rngFromKey('bench prompts');
  const words = promptTokens - imageTokens;
  return Array.from({ length: prompts }, () => ({
    tokens: Int32Array.from([
      ids.start,
      ...Array<number>(imageTokens).fill(ids.image),
      ids.end,
      ...Array.from({ length: words - 2 }, () => 10 + rng.integer(150)),
    ]),
    images: [
      {
        grid: { t: 1, h: patches, w: patches },
        patches: Float32Array.from({ length: patches ** 2 * patchNumbers }, () => rng.normal()),
      },
    ],
  }));
}

async function sampleAll(engine: Engine, made: readonly Prompt[]) {
  const begin = performance.now();
  let firstTokenSeconds = 0;
  const groups: (readonly Completion[])[] = [];
  const requests = made.map((prompt, p) => ({
    prompt,
    keys: Array.from({ length: completions }, (_, k) => `${p}/${k}`),
    maxTokens: newTokens,
    temperature: 1,
    topP: 1,
    topK: 0,
    onToken: () => {
      firstTokenSeconds ||= (performance.now() - begin) / 1000;
    },
  }));
  for await (const { request, completions: group } of engine.sample(requests, never)) {
    groups[request] = group;
  }
  return { groups, firstTokenSeconds };
}

/** Largest difference of the sampler's and the scorer's logprobs. */
async function samplerGapOf(
  engine: Engine,
  groups: readonly (readonly Completion[])[],
  sequences: Parameters<Engine['logprobs']>[0],
): Promise<number> {
  const scored = await engine.logprobs(sequences, 'policy', never);
  const sampled = groups.flat().map(({ logprobs }) => logprobs);
  const worst = Math.max(
    ...scored.map((row, i) =>
      Math.max(...row.map((value, t) => Math.abs(value - sampled[i]![t]!))),
    ),
  );
  if (!(worst < agreement)) throw new Error(`sampler and scorer differ by ${worst}`);
  return worst;
}

/** Every token weighs differently, so that nothing cancels out. */
const unevenLoss: Loss = (inputs) => ({
  loss: 0,
  gradients: inputs.map(({ policyLogprobs, index }) =>
    policyLogprobs.map((_, t) => Math.sin(index + t) / 1000),
  ),
  metrics: {},
});

/** What opening is measured against: every byte of the checkpoint, once. */
async function readAll(directory: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(directory)) {
    if (!name.endsWith('.safetensors')) continue;
    total += (await stat(join(directory, name))).size;
    for await (const _ of createReadStream(join(directory, name), { highWaterMark: 1 << 24 }));
  }
  return total;
}

const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'medix-bench-lora-')));
try {
  if ((await readdir(folder)).length === 0)
    await makeLargeModel(folder, options.model as LargeModel);
  const result = await benchLora(folder);
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  if (options.folder === undefined) await rm(folder, { recursive: true });
}
