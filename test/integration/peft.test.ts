/** Adapters and merged models between MediX, `peft` and `transformers`: the same logprobs from the same files. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, Sequence } from '../../src/engine/engine.ts';
import { openLocalEngine } from '../../src/engine/local/local-engine.ts';
import { mergeAdapter } from '../../src/engine/local/merge-adapter.ts';
import { openModelSource } from '../../src/model/files/model-source.ts';
import {
  largestDifference,
  tinyCases,
  tinyConfig,
  tinyModelDirectory,
  tinyPrompt,
} from '../../src/model/tiny-model.fixture.ts';

const run = promisify(execFile);
const python = '/opt/parity-venv/bin/python';
const scripts = fileURLToPath(new URL('../parity/', import.meta.url));
const never = new AbortController().signal;

/** Logprobs of a case's continuation, and of every eighth token for the first one of it. */
type Seen = { readonly continuation: readonly number[]; readonly first: readonly number[] };

let missing: string | undefined;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'medix-peft-'));
  missing = await run(python, ['-c', 'import torch, transformers, peft']).then(
    () => undefined,
    () => `${python} has no torch, transformers and peft; see CONTRIBUTING.md`,
  );
});
afterAll(() => rm(root, { recursive: true }));

async function theirs(...folders: readonly string[]): Promise<readonly Seen[]> {
  const { stdout } = await run(python, [join(scripts, 'adapter_logprobs.py'), ...folders], {
    maxBuffer: 1 << 28,
  });
  const seen: readonly Seen[] = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  return seen.map(({ continuation, first }) => ({
    continuation,
    first: first.filter((_, token) => token % stride === 0),
  }));
}

const stride = 8;

async function ours(engine: Engine): Promise<readonly Seen[]> {
  const { vocabSize } = (await tinyConfig()).text;
  const seen: Seen[] = [];
  for (const tiny of tinyCases) {
    const prompt = await tinyPrompt(tiny);
    const completions = [
      Int32Array.from(tiny.greedy),
      ...Array.from({ length: vocabSize / stride }, (_, i) => Int32Array.of(stride * i)),
    ];
    const sequences = completions.map((completion): Sequence => ({ prompt, completion }));
    const [continuation, ...first] = await engine.logprobs(sequences, 'policy', never);
    seen.push({ continuation: [...continuation!], first: first.map((row) => row[0]!) });
  }
  return seen;
}

async function oursOf(folder: string): Promise<readonly Seen[]> {
  const engine = await openLocalEngine(folder);
  const seen = await ours(engine);
  await engine.close();
  return seen;
}

function furthest(a: readonly Seen[], b: readonly Seen[]): number {
  return Math.max(
    ...a.flatMap(({ continuation, first }, i) => [
      largestDifference(continuation, b[i]!.continuation),
      largestDifference(first, b[i]!.first),
    ]),
  );
}

function report(what: string, difference: number): void {
  process.stdout.write(`${what}: logprobs differ by ${difference.toExponential(1)} at most\n`);
}

const targetSets = [
  [
    'all of the decoder',
    ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
  ],
  ['the fused projection of the image tower', ['qkv', 'merger.linear_fc1']],
  ['every linear layer', '.*'],
] as const;

/** An adapter that was trained here for two steps. */
async function trainedAdapter(targets: readonly string[] | string, name: string): Promise<string> {
  const settings = { rank: 4, alpha: 8, rankStabilized: true, targets };
  const engine = await openLocalEngine(tinyModelDirectory, {
    network: {
      ...{ kind: 'layered', base: 'f32', cache: '', keptBytes: 0 },
      adapter: { settings, seed: 1 },
    },
  });
  const sequences = await Promise.all(
    tinyCases.map(async (tiny) => ({
      prompt: await tinyPrompt(tiny),
      completion: Int32Array.from(tiny.greedy),
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
  const folder = join(root, name);
  await engine.exportModel(folder);
  await engine.close();
  return folder;
}

describe.each(targetSets)('an adapter of %s', (layers, targets) => {
  it('that is trained here gives the same logprobs in peft', async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const folder = await trainedAdapter(targets, `ours ${layers}`);
    const [here, base, there] = [
      await oursOf(folder),
      await oursOf(tinyModelDirectory),
      await theirs(tinyModelDirectory, folder),
    ];
    const difference = furthest(here, there);
    report(`${layers}, MediX → peft`, difference);
    expect(difference).toBeLessThan(1e-4);
    expect(furthest(here, base)).toBeGreaterThan(1e-2);
  });

  it('that is merged here gives the same logprobs in transformers', async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const folder = await trainedAdapter(targets, `to merge ${layers}`);
    const { adapter, ...source } = await openModelSource(folder);
    const out = join(root, `merged ${layers}`);
    if (adapter === undefined) throw new Error('no adapter');
    const merging = { signal: never, onProgress: () => {} };
    await mergeAdapter({ ...source, adapter }, out, undefined, merging);
    const difference = furthest(await oursOf(folder), await theirs(out));
    report(`${layers}, merged`, difference);
    expect(difference).toBeLessThan(1e-4);
  });
});

it.for([
  ['float32', 'target_modules=["q_proj","o_proj","attn.qkv","linear_fc2"]'],
  [
    'bfloat16',
    'target_modules=".*(v_proj|visual.*proj|down_proj)"',
    'exclude_modules=".*patch_embed.*"',
  ],
  ['float16', 'target_modules="all-linear"', 'exclude_modules=["lm_head"]', 'use_rslora=true'],
] as const)(
  'an adapter that peft writes in %s gives the same logprobs here',
  async ([dtype, ...fields], context) => {
    if (missing !== undefined) return context.skip(missing);
    const folder = join(root, `theirs-${dtype}`);
    const rank = ['r=3', 'lora_alpha=5'];
    await run(python, [join(scripts, 'write_adapter.py'), folder, dtype, ...rank, ...fields]);
    const [here, there] = [await oursOf(folder), await theirs(tinyModelDirectory, folder)];
    const difference = furthest(here, there);
    report(`peft → MediX in ${dtype}`, difference);
    expect(difference).toBeLessThan(1e-4);
    expect(furthest(here, await oursOf(tinyModelDirectory))).toBeGreaterThan(1e-2);
  },
);
