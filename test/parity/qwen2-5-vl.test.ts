/** Whether `transformers` and `peft` read what MediX writes of a Qwen2.5-VL. Skipped where they are not installed. */
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { openLocalEngine } from '../../src/engine/local/local-engine.ts';
import { mergeAdapter } from '../../src/engine/local/merge-adapter.ts';
import type { NetworkOptions } from '../../src/engine/local/open-network.ts';
import { openModelSource } from '../../src/model/files/model-source.ts';
import { openSafetensors } from '../../src/model/files/safetensors.ts';
import { olderNames } from '../../src/model/files/weight-names.ts';
import { writeSafetensors } from '../../src/model/files/write-safetensors.ts';
import { largestDifference } from '../../src/model/tiny-model.fixture.ts';
import {
  windowedAdapterDirectory,
  windowedCases,
  windowedModelDirectory,
  windowedPrompt,
} from '../../src/model/tiny-qwen2-5-vl.fixture.ts';
import { hasTransformers, python } from './python.ts';

const script = fileURLToPath(new URL('qwen2_5_vl_logprobs.py', import.meta.url));
const never = new AbortController().signal;

type Seen = readonly (readonly number[])[];
type Answer = {
  readonly missing: string[];
  readonly unexpected: string[];
  readonly eos: number[];
  readonly processor: string;
  readonly logprobs: Seen;
};

/** A few steps' worth of change in every parameter that is trained. */
async function trained(directory: string, network: NetworkOptions): Promise<Engine> {
  const engine = await openLocalEngine(directory, { network });
  const sequences = await Promise.all(
    windowedCases.map(async (windowed) => ({
      prompt: await windowedPrompt(windowed),
      completion: Int32Array.from(windowed.greedy),
    })),
  );
  for (let step = 0; step < 2; step++) {
    await engine.forwardBackward(
      sequences,
      (inputs) => ({
        loss: 0,
        gradients: inputs.map(({ policyLogprobs }) => policyLogprobs.map(() => 1)),
        metrics: {},
      }),
      never,
    );
    await engine.optimStep({
      ...{ learningRate: 1e-2, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 },
      ...{ weightDecay: 0, maxGradNorm: 1 },
    });
  }
  return engine;
}

async function seenBy(engine: Engine): Promise<Seen> {
  const sequences = await Promise.all(
    windowedCases.map(async (windowed) => ({
      prompt: await windowedPrompt(windowed),
      completion: Int32Array.from(windowed.greedy),
    })),
  );
  return (await engine.logprobs(sequences, 'policy', never)).map((row) => [...row]);
}

async function oursOf(folder: string): Promise<Seen> {
  const engine = await openLocalEngine(folder);
  const seen = await seenBy(engine);
  await engine.close();
  return seen;
}

function theirs(...folders: readonly string[]): Answer {
  const output = execFileSync(python, [script, ...folders], {
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  return JSON.parse(output.trim().split('\n').at(-1)!);
}

function furthest(a: Seen, b: Seen): number {
  return largestDifference(a.flat(), b.flat());
}

async function tensorsOf(folder: string): Promise<string[]> {
  const store = await openSafetensors(folder);
  await store.close();
  return [...store.tensors.keys()].toSorted();
}

/** The tiny model, its tensors by the names of modules. */
async function withModuleNames(folder: string): Promise<void> {
  await cp(windowedModelDirectory, folder, { recursive: true });
  const store = await openSafetensors(windowedModelDirectory);
  const tensors = [];
  for (const [name, { shape }] of store.tensors) {
    tensors.push({ name: olderNames.inNetwork(name), shape, data: await store.read(name) });
  }
  await store.close();
  await writeSafetensors(join(folder, 'model.safetensors'), tensors);
}

const everything = { kind: 'whole', trained: /^/ } as const;
const factors = {
  kind: 'layered',
  base: 'f32',
  cache: '',
  keptBytes: 0,
  adapter: { settings: { rank: 4, alpha: 8, rankStabilized: true, targets: '.*' }, seed: 1 },
} as const;

describe.skipIf(!hasTransformers)(`a Qwen2.5-VL in transformers (${python})`, () => {
  let root: string;
  let start: Seen;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'medix-windowed-'));
    start = await oursOf(windowedModelDirectory);
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  /** Trained whole and exported: the folder, and what was seen before. */
  async function exported(directory: string, name: string): Promise<readonly [string, Seen]> {
    const engine = await trained(directory, everything);
    const folder = join(root, name);
    await engine.exportModel(folder);
    const here = await seenBy(engine);
    await engine.close();
    expect(await tensorsOf(folder)).toEqual(await tensorsOf(directory));
    expect(furthest(here, await oursOf(folder))).toBeLessThan(1e-6);
    expect(furthest(here, start)).toBeGreaterThan(1e-2);
    return [folder, here];
  }

  test('that was trained whole gives the same logprobs, by either layout of its config', async () => {
    const [folder, here] = await exported(windowedModelDirectory, 'published');
    const answer = theirs(folder);
    expect(answer).toMatchObject({ missing: [], unexpected: [], eos: [395, 393] });
    expect(answer.processor).toBe('Qwen2_5_VLProcessor');
    expect(furthest(here, answer.logprobs)).toBeLessThan(1e-4);

    const path = join(folder, 'config.json');
    const { text_config: _, ...flat } = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify(flat));
    expect(furthest(theirs(folder).logprobs, answer.logprobs)).toBe(0);
  });

  test('whose tensors have the names of modules keeps them', async () => {
    const modules = join(root, 'modules');
    await withModuleNames(modules);
    const [folder, here] = await exported(modules, 'exported modules');
    const answer = theirs(folder);
    expect(answer).toMatchObject({ missing: [], unexpected: [] });
    expect(furthest(here, answer.logprobs)).toBeLessThan(1e-4);
  });

  test('whose adapter was trained here is the same in peft, and merged', async () => {
    const engine = await trained(windowedModelDirectory, factors);
    const folder = join(root, 'adapter');
    await engine.exportModel(folder);
    const here = await seenBy(engine);
    await engine.close();
    expect(furthest(here, start)).toBeGreaterThan(1e-2);
    expect(furthest(here, theirs(windowedModelDirectory, folder).logprobs)).toBeLessThan(1e-4);

    const { adapter, ...source } = await openModelSource(folder);
    const out = join(root, 'merged');
    if (adapter === undefined) throw new Error('no adapter');
    const merging = { signal: never, onProgress: () => {} };
    await mergeAdapter({ ...source, adapter }, out, undefined, merging);
    expect(await tensorsOf(out)).toEqual(await tensorsOf(windowedModelDirectory));
    const answer = theirs(out);
    expect(answer).toMatchObject({ missing: [], unexpected: [] });
    expect(furthest(here, answer.logprobs)).toBeLessThan(1e-4);
  });

  test('with an adapter of peft gives the same logprobs here', async () => {
    const here = await oursOf(windowedAdapterDirectory);
    const there = theirs(windowedModelDirectory, windowedAdapterDirectory).logprobs;
    expect(furthest(here, there)).toBeLessThan(1e-4);
    expect(furthest(here, start)).toBeGreaterThan(1e-2);
  });
});
