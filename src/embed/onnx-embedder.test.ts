import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOnnxEmbedder, type TransformersModule } from './onnx-embedder.ts';

const never = new AbortController().signal;

let model = '';
beforeAll(async () => {
  model = await mkdtemp(join(tmpdir(), 'medix-encoder-'));
  await mkdir(join(model, 'onnx'));
  for (const name of ['config.json', 'tokenizer.json', 'onnx/model.onnx', 'onnx/other.onnx']) {
    await writeFile(join(model, name), name);
  }
});
afterAll(() => rm(model, { recursive: true }));

type Tensor = { readonly dims: readonly number[]; readonly data: Float32Array };

/** The package with an encoder whose vectors have the text's length and 1 as components. */
function packageWith(
  encode: (texts: string[]) => Tensor = (texts) => ({
    dims: [texts.length, 2],
    data: Float32Array.from(texts.flatMap((text) => [text.length, 1])),
  }),
) {
  const loaded: { name: string; options: Readonly<Record<string, unknown>> }[] = [];
  const batches: { texts: string[]; pooling: string; normalize: boolean }[] = [];
  let disposed = 0;
  const transformers: TransformersModule = {
    env: { version: '4.3.1' },
    pipeline: async (_, name, options) => {
      loaded.push({ name, options });
      const extract = async (
        texts: string[],
        { pooling, normalize }: { readonly pooling: string; readonly normalize: boolean },
      ) => {
        batches.push({ texts, pooling, normalize });
        return encode(texts);
      };
      return Object.assign(extract, { dispose: async () => disposed++ });
    },
  };
  return { load: async () => transformers, loaded, batches, disposed: () => disposed };
}

const options = (changed = {}) => ({ model, pooling: 'cls' as const, file: 'model', ...changed });

describe('onnx embedder', () => {
  it('loads a folder without network, and embeds with the pooling it is told', async () => {
    const { load, loaded, batches, disposed } = packageWith();
    const embedder = await openOnnxEmbedder(options({ file: 'other' }), load);
    expect(loaded).toMatchObject([
      { name: model, options: { local_files_only: true, model_file_name: 'other', dtype: 'fp32' } },
    ]);
    expect(embedder.describe).toMatchObject({ id: model, kind: 'onnx', dimensions: 2 });
    const [outcome, blank] = await embedder.embed(['four', ''], never);
    const norm = Math.hypot(4, 1);
    expect(outcome).toEqual({ kind: 'embedded', vector: new Float32Array([4 / norm, 1 / norm]) });
    expect(blank).toMatchObject({ kind: 'embedded' });
    expect(batches.at(-1)).toEqual({ texts: ['four'], pooling: 'cls', normalize: true });
    await embedder.close();
    expect(disposed()).toBe(1);
  });

  it('loads the revision of a model on the hub', async () => {
    const { load, loaded } = packageWith();
    await openOnnxEmbedder(options({ model: 'owner/encoder@abc123' }), load);
    expect(loaded).toMatchObject([{ name: 'owner/encoder', options: { revision: 'abc123' } }]);
  });

  it('has a digest of weights, file and pooling', async () => {
    const { load } = packageWith();
    const digestWith = async (changed: object) =>
      (await openOnnxEmbedder(options(changed), load)).describe.digest;
    const digests = [
      await digestWith({}),
      await digestWith({ pooling: 'mean' }),
      await digestWith({ file: 'other' }),
    ];
    expect(new Set(digests).size).toBe(3);
    expect(await digestWith({})).toBe(digests[0]);
  });

  it('sends texts of like length together, and returns them in their order', async () => {
    const { load, batches } = packageWith();
    const embedder = await openOnnxEmbedder(options(), load);
    const texts = Array.from({ length: 40 }, (_, i) => 'x'.repeat(1 + ((i * 7) % 40)));
    const outcomes = await embedder.embed(texts, never);
    expect(outcomes.map((outcome) => outcome.kind === 'embedded' && outcome.vector[0])).toEqual(
      texts.map(({ length }) => Math.fround(length / Math.hypot(length, 1))),
    );
    const spreads = batches.slice(1).map((batch) => {
      const lengths = batch.texts.map(({ length }) => length);
      return Math.max(...lengths) - Math.min(...lengths);
    });
    expect(spreads).toEqual([15, 15, 7]);
  });

  it('leaves a text unscored that the encoder cannot take, and embeds those beside it', async () => {
    const { load } = packageWith((texts) => {
      if (texts.includes('trap')) throw new Error('out of memory');
      return { dims: [texts.length, 1], data: new Float32Array(texts.length).fill(1) };
    });
    const embedder = await openOnnxEmbedder(options(), load);
    expect(await embedder.embed(['x', 'trap', 'y'], never)).toMatchObject([
      { kind: 'embedded' },
      { cause: 'refused', message: 'the encoder failed: out of memory' },
      { kind: 'embedded' },
    ]);
  });

  it('stops when cancelled', async () => {
    const embedder = await openOnnxEmbedder(options(), packageWith().load);
    expect(await embedder.embed(['x'], AbortSignal.abort())).toMatchObject([
      { cause: 'cancelled' },
    ]);
  });

  it.each([
    ['gives a vector for every token', { dims: [1, 5, 2], data: new Float32Array(10) }],
    ['gives empty vectors', { dims: [1, 0], data: new Float32Array(0) }],
    ['gives too many vectors', { dims: [2, 2], data: new Float32Array(4) }],
  ])('that %s is one clear error at the start', async (_, tensor) => {
    const { load } = packageWith(() => tensor);
    await expect(openOnnxEmbedder(options(), load)).rejects.toThrow(
      /^embedder .*: expected an encoder that turns a text into a vector, got/,
    );
  });

  it.each([
    [{ model: 'no/such/folder' }, /expected a folder, or owner\/name@revision on the hub/],
    [{ model: 'owner/encoder' }, /owner\/name@revision/],
    [{ file: 'absent' }, /expected the file onnx\/absent\.onnx/],
  ])('that cannot be found is one clear error: %j', async (changed, message) => {
    await expect(openOnnxEmbedder(options(changed), packageWith().load)).rejects.toThrow(message);
  });
});
