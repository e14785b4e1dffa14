import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelSource, openModelSource } from '../../model/files/model-source.ts';
import { openSafetensors } from '../../model/files/safetensors.ts';
import { writeSafetensors } from '../../model/files/write-safetensors.ts';
import {
  largestDifference,
  tinyCases,
  tinyModelDirectory,
  tinyPrompt,
} from '../../model/tiny-model.fixture.ts';
import { openLocalEngine } from './local-engine.ts';
import { type MergedType, mergeAdapter } from './merge-adapter.ts';

const never = new AbortController().signal;
const settings = { rank: 4, alpha: 8, rankStabilized: false, targets: '.*' };
const network = { kind: 'layered', base: 'f32', cache: '', keptBytes: 0 } as const;
const isVision = (name: string) => name.startsWith('model.visual.');

let root: string;
/** Adapters on the same base in one file of float32, and in two of bfloat16. */
const sources: Record<'F32' | 'BF16', ModelSource> = {} as never;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'medix-merge-'));
  const halved = await halvedModel(join(root, 'halved'));
  sources.F32 = await adapterOn(tinyModelDirectory, join(root, 'adapter-f32'));
  sources.BF16 = await adapterOn(halved, join(root, 'adapter-bf16'));
});
afterAll(() => rm(root, { recursive: true }));

/** The tiny model in bfloat16, its tower in a file of its own. */
async function halvedModel(folder: string): Promise<string> {
  await cp(tinyModelDirectory, folder, { recursive: true });
  await rm(join(folder, 'model.safetensors'));
  const config = await readFile(join(folder, 'config.json'), 'utf8');
  await writeFile(join(folder, 'config.json'), config.replaceAll('float32', 'bfloat16'));
  const store = await openSafetensors(tinyModelDirectory);
  const weightMap: Record<string, string> = {};
  for (const [file, isIn] of [
    ['model-00001-of-00002.safetensors', (name: string) => !isVision(name)],
    ['model-00002-of-00002.safetensors', isVision],
  ] as const) {
    const names = [...store.tensors.keys()].filter(isIn);
    const tensors = [];
    for (const name of names) {
      weightMap[name] = file;
      const { shape } = store.tensors.get(name)!;
      tensors.push({ name, shape, data: await store.read(name) });
    }
    await writeSafetensors(join(folder, file), tensors, 'BF16');
  }
  await store.close();
  const index = { metadata: { total_size: 0 }, weight_map: weightMap };
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
  return folder;
}

/** An adapter all of whose factors do something. */
async function adapterOn(base: string, folder: string): Promise<ModelSource> {
  const adapter = { settings, seed: 1 };
  const engine = await openLocalEngine(base, { network: { ...network, adapter } });
  const sequences = await sequencesOf();
  await engine.forwardBackward(
    sequences,
    (inputs) => ({
      loss: 0,
      gradients: inputs.map(({ policyLogprobs }) => policyLogprobs.map(() => -1)),
      metrics: {},
    }),
    never,
  );
  await engine.optimStep({
    ...{ learningRate: 1e-2, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 },
    ...{ weightDecay: 0, maxGradNorm: 1 },
  });
  await engine.exportModel(folder);
  await engine.close();
  return openModelSource(folder);
}

function sequencesOf() {
  return Promise.all(
    tinyCases.slice(0, 2).map(async (tiny) => ({
      prompt: await tinyPrompt(tiny),
      completion: Int32Array.from(tiny.greedy),
    })),
  );
}

async function logprobsOf(folder: string): Promise<readonly Float32Array[]> {
  const engine = await openLocalEngine(folder);
  const sequences = await sequencesOf();
  const logprobs = await engine.logprobs(sequences, 'policy', never);
  await engine.close();
  return logprobs;
}

async function merge(source: ModelSource, out: string, type?: MergedType): Promise<void> {
  const { adapter } = source;
  if (adapter === undefined) throw new Error('no adapter');
  const context = { signal: never, onProgress: () => {} };
  await mergeAdapter({ ...source, adapter }, out, type, context);
}

const weightFiles = (folder: string) =>
  readdir(folder).then((names) => names.filter((name) => name.includes('.safetensors')).sort());

describe('a merged model', () => {
  it('answers as the adapter on its base', async () => {
    const out = join(root, 'merged');
    await merge(sources.F32, out);
    const [expected, actual] = [await logprobsOf(sources.F32.name), await logprobsOf(out)];
    const base = await logprobsOf(tinyModelDirectory);
    expected.forEach((row, i) => {
      expect(largestDifference(row, actual[i]!)).toBeLessThan(1e-4);
      expect(largestDifference(row, base[i]!)).toBeGreaterThan(1e-2);
    });
  });

  it('has the files of the base, and all but weights byte for byte', async () => {
    const out = join(root, 'merged-halved');
    await merge(sources.BF16, out);
    const base = sources.BF16.folder;
    expect(await readdir(out).then((names) => names.sort())).toEqual((await readdir(base)).sort());
    for (const name of await readdir(base)) {
      if (/-of-/.test(name)) continue;
      const [ours, theirs] = [await readFile(join(out, name)), await readFile(join(base, name))];
      expect(ours.equals(theirs), name).toBe(true);
    }
    const [merged, original] = [await openSafetensors(out), await openSafetensors(base)];
    expect([...merged.tensors]).toEqual([...original.tensors]);
    await merged.close();
    await original.close();
  });

  it('adds to the weights in float32 before it rounds them', async () => {
    const rounded = await openSafetensors(join(root, 'merged-halved'));
    const out = join(root, 'merged-widened');
    await merge(sources.BF16, out, 'f32');
    const exact = await openSafetensors(out);
    for (const name of exact.tensors.keys()) {
      const [a, b] = [await exact.read(name), await rounded.read(name)];
      const worst = a.findIndex((value, i) => Math.abs(value - b[i]!) > 2 ** -8 * Math.abs(value));
      expect(worst, name).toBe(-1);
    }
    expect(exact.tensors.get('model.language_model.norm.weight')?.dtype).toBe('F32');
    await exact.close();
    await rounded.close();
  });

  it('of another type says so in config and index, in the same files', async () => {
    const [out, base] = [join(root, 'merged-widened'), sources.BF16.folder];
    const config = await readFile(join(base, 'config.json'), 'utf8');
    expect(await readFile(join(out, 'config.json'), 'utf8')).toBe(
      config.replaceAll('"bfloat16"', '"float32"'),
    );
    expect(await weightFiles(out)).toEqual(await weightFiles(base));
    const index = JSON.parse(await readFile(join(out, 'model.safetensors.index.json'), 'utf8'));
    const store = await openSafetensors(out);
    const bytes = [...store.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(index.metadata.total_size).toBe(bytes);
    await store.close();
  });
});

describe('nothing is written', () => {
  it('over a folder with something in it', async () => {
    const out = join(root, 'taken');
    await mkdir(out);
    await writeFile(join(out, 'notes.txt'), '');
    await expect(merge(sources.F32, out)).rejects.toThrow(
      /taken: expected a folder that does not exist yet, or is empty, got one with 1 files/,
    );
    expect(await readdir(out)).toEqual(['notes.txt']);
  });

  it('where merging is stopped half-way', async () => {
    const out = join(root, 'stopped', 'model');
    const abort = new AbortController();
    const context = {
      signal: abort.signal,
      onProgress: (done: number, total: number) => {
        if (done > total / 2) abort.abort(new Error('stopped by test'));
      },
    };
    const { adapter } = sources.F32;
    const merging = mergeAdapter({ ...sources.F32, adapter: adapter! }, out, undefined, context);
    await expect(merging).rejects.toThrow('stopped by test');
    expect(await readdir(join(root, 'stopped'))).toEqual([]);
  });
});
