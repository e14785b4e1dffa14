import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../model/config.ts';
import { openNetwork } from '../open-network.ts';

const sharded = fileURLToPath(
  new URL('../../../../test/fixtures/qwen3-vl-sharded/bf16', import.meta.url),
);
const folder = await mkdtemp(join(tmpdir(), 'medix-weights-'));
afterAll(() => rm(folder, { recursive: true }));

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>;

let count = 0;

/** The checkpoint in shards with another header of its first shard. */
async function withHeader(change: (header: Header) => void): Promise<string> {
  const model = join(folder, String(++count));
  await cp(sharded, model, { recursive: true });
  const path = join(model, 'model-00001-of-00002.safetensors');
  const bytes = await readFile(path);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  change(header);
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  await writeFile(path, Buffer.concat([prefix, json, bytes.subarray(8 + length)]));
  return model;
}

const isMatrix = (name: string) => name.endsWith('embed_tokens.weight');

/** Gives the first matrix another type, in as many bytes. */
function retyped(dtype: string, elementsPerByte: number) {
  return withHeader((header) => {
    for (const [name, entry] of Object.entries(header)) {
      if (!isMatrix(name)) continue;
      entry.dtype = dtype;
      entry.shape = [entry.shape[0]!, entry.shape[1]! * 2 * elementsPerByte];
    }
  });
}

const networks = {
  whole: { kind: 'whole', trained: /(?:)/ },
  f32: { kind: 'layered', base: 'f32', adapter: undefined, cache: folder, keptBytes: 0 },
  int8: { kind: 'layered', base: 'int8', adapter: undefined, cache: folder, keptBytes: 0 },
} as const;

describe.each(Object.entries(networks))('weights for a network in %s', (_, options) => {
  const open = async (model: string) =>
    openNetwork(model, await readModelConfig(model), {}, options);

  it.each([
    ['F8_E4M3', 1],
    ['I8', 1],
    ['U8', 1],
    ['I4', 2],
    ['F4', 2],
  ])('of type %s are named, and what to use instead', async (dtype, elementsPerByte) => {
    await expect(open(await retyped(dtype, elementsPerByte))).rejects.toThrow(
      new RegExp(
        `embed_tokens\\.weight: expected F32, F16 or BF16, got ${dtype}, a type of quantised weights; use the checkpoint that was quantised`,
      ),
    );
  });

  it('of another shape are named', async () => {
    const model = await withHeader((header) => {
      for (const [name, entry] of Object.entries(header)) {
        if (isMatrix(name)) entry.shape.reverse();
      }
    });
    await expect(open(model)).rejects.toThrow(
      /embed_tokens\.weight: expected shape \[400, 64\], got \[64, 400\]/,
    );
  });

  it('of which a shard is missing are refused by its name', async () => {
    const model = join(folder, String(++count));
    await cp(sharded, model, { recursive: true });
    await rm(join(model, 'model-00002-of-00002.safetensors'));
    await expect(open(model)).rejects.toThrow(
      /model-00002-of-00002\.safetensors: expected a file that .*index\.json names, got no such file/,
    );
  });
});
