/** A checkpoint with older names (model/files/weight-names.ts), whose shards do not all tell that they have them. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openModelSource } from '../../model/files/model-source.ts';
import { openSafetensors } from '../../model/files/safetensors.ts';
import { writeSafetensors } from '../../model/files/write-safetensors.ts';
import { largestDifference } from '../../model/tiny-model.fixture.ts';
import {
  windowedAdapterDirectory,
  windowedCases,
  windowedModelDirectory,
  windowedPrompt,
} from '../../model/tiny-qwen2-5-vl.fixture.ts';
import { openLocalEngine } from './local-engine.ts';
import { mergeAdapter } from './merge-adapter.ts';

const never = new AbortController().signal;
const root = await mkdtemp(join(tmpdir(), 'medix-older-names-'));
afterAll(() => rm(root, { recursive: true }));

/** Decoder and tower in a file each, with an adapter beside them. */
async function sharded(): Promise<{ readonly base: string; readonly adapter: string }> {
  const [base, adapter] = [join(root, 'model'), join(root, 'adapter')];
  await cp(windowedModelDirectory, base, { recursive: true });
  await cp(windowedAdapterDirectory, adapter, { recursive: true });
  const store = await openSafetensors(windowedModelDirectory);
  const weightMap: Record<string, string> = {};
  for (const [i, isTower] of [false, true].entries()) {
    const file = `model-0000${i + 1}-of-00002.safetensors`;
    const tensors = [];
    for (const [name, { shape }] of store.tensors) {
      if (name.startsWith('visual.') !== isTower) continue;
      tensors.push({ name, shape, data: await store.read(name) });
      weightMap[name] = file;
    }
    await writeSafetensors(join(base, file), tensors);
  }
  await store.close();
  await rm(join(base, 'model.safetensors'));
  const index = JSON.stringify({ metadata: {}, weight_map: weightMap });
  await writeFile(join(base, 'model.safetensors.index.json'), index);
  return { base, adapter };
}

async function logprobsOf(folder: string): Promise<number[]> {
  const engine = await openLocalEngine(folder);
  const windowed = windowedCases.find(({ name }) => name === 'three-images')!;
  const prompt = await windowedPrompt(windowed);
  const completion = Int32Array.from(windowed.greedy);
  const [logprobs] = await engine.logprobs([{ prompt, completion }], 'policy', never);
  await engine.close();
  return [...logprobs!];
}

test('an adapter merged into its shards computes what it does beside them, under the same names', async () => {
  const folders = await sharded();
  const { adapter, ...source } = await openModelSource(folders.adapter);
  if (adapter === undefined) throw new Error('no adapter');
  const out = join(root, 'merged');
  const merging = { signal: never, onProgress: () => {} };
  await mergeAdapter({ ...source, adapter }, out, undefined, merging);
  const [merged, apart] = [await logprobsOf(out), await logprobsOf(folders.adapter)];
  expect(largestDifference(merged, apart)).toBeLessThan(1e-4);
  expect(largestDifference(merged, await logprobsOf(folders.base))).toBeGreaterThan(1e-2);
  const name = 'model.safetensors.index.json';
  expect(await readFile(join(out, name))).toEqual(await readFile(join(folders.base, name)));
  const store = await openSafetensors(out);
  expect(store.tensors.has('model.layers.0.self_attn.k_proj.weight')).toBe(true);
  expect(store.tensors.has('visual.blocks.0.attn.qkv.weight')).toBe(true);
  await store.close();
});
