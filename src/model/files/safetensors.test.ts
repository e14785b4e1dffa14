import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { unfinishedPrefix } from '../../core/write-aside.ts';
import { tinyConfig, tinyModelDirectory } from '../tiny-model.fixture.ts';
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
} from './half-floats.ts';
import { openSafetensors } from './safetensors.ts';
import { writeSafetensors } from './write-safetensors.ts';

const directory = await mkdtemp(join(tmpdir(), 'medix-safetensors-'));
afterAll(() => rm(directory, { recursive: true }));

const tensorList = fc.uniqueArray(
  fc.record({
    name: fc.string({ minLength: 1 }).filter((name) => !name.startsWith('__')),
    data: fc.float32Array({ maxLength: 24 }),
  }),
  { selector: ({ name }) => name, maxLength: 5 },
);

/** A file with one F32 tensor `x` whose header is replaced. */
async function fileWith(header: unknown, dataBytes: number): Promise<string> {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const path = join(directory, 'broken.safetensors');
  await writeFile(path, Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
  return path;
}

const entry = (start: number, end: number, shape = [(end - start) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [start, end],
});

test('float32 tensors survive a round trip bit for bit', async () => {
  const path = join(directory, 'f32.safetensors');
  await fc.assert(
    fc.asyncProperty(tensorList, async (list) => {
      const tensors = list.map(({ name, data }) => ({ name, data, shape: [data.length, 1] }));
      await writeSafetensors(path, tensors);
      const store = await openSafetensors(path);
      for (const { name, data, shape } of tensors) {
        expect(store.tensors.get(name)).toMatchObject({ dtype: 'F32', shape });
        expect(new Uint32Array((await store.read(name)).buffer)).toEqual(
          new Uint32Array(data.slice().buffer),
        );
      }
      await store.close();
    }),
    { numRuns: 30 },
  );
});

test('bfloat16 tensors read back as the nearest bfloat16', async () => {
  const path = join(directory, 'bf16.safetensors');
  const data = Float32Array.of(1, -0, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, Number.NaN, 1 / 3);
  await writeSafetensors(path, [{ name: 'x', shape: [7], data }], 'BF16');
  const store = await openSafetensors(path);
  expect(Array.from(await store.read('x'))).toEqual([
    1,
    -0,
    1,
    1 + 2 ** -6,
    Number.POSITIVE_INFINITY,
    Number.NaN,
    0.333984375,
  ]);
  await store.close();
});

test('rounding to bfloat16 is idempotent and off by at most half a unit', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, min: -(2 ** 100), max: 2 ** 100 }), (value) => {
      const [rounded] = bfloat16ToFloat32(float32ToBfloat16(Float32Array.of(value)));
      expect(bfloat16ToFloat32(float32ToBfloat16(Float32Array.of(rounded!)))[0]).toBe(rounded);
      expect(Math.abs(rounded! - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -8 + 1e-38);
    }),
  );
});

test('every float16 but NaN comes back from float32 as it was', () => {
  const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
  const values = float16ToFloat32(all);
  const back = float32ToFloat16(values);
  all.forEach((bits, i) => {
    if (Number.isNaN(values[i])) expect(float16ToFloat32(back.subarray(i, i + 1))[0]).toBeNaN();
    else expect(back[i]).toBe(bits);
  });
});

test('rounding to float16 takes the nearest, the even one of two, and overflows to infinity', () => {
  const unit = 2 ** -10;
  const subnormal = 2 ** -24;
  const cases = [
    [1 + 0.49 * unit, 1],
    [1 + 0.5 * unit, 1],
    [1 + 1.5 * unit, 1 + 2 * unit],
    [1 + 0.51 * unit, 1 + unit],
    [2 - 0.1 * unit, 2],
    [65519, 65504],
    [65520, Number.POSITIVE_INFINITY],
    [-1e9, Number.NEGATIVE_INFINITY],
    [0.5 * subnormal, 0],
    [0.51 * subnormal, subnormal],
    [1.5 * subnormal, 2 * subnormal],
    [2 ** -14 - 0.1 * subnormal, 2 ** -14],
  ];
  const rounded = float16ToFloat32(float32ToFloat16(Float32Array.from(cases, ([value]) => value!)));
  expect([...rounded]).toEqual(cases.map(([, expected]) => expected));
});

test('float16 covers subnormals, infinities and NaN', () => {
  const values = float16ToFloat32(
    Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000),
  );
  expect(Array.from(values)).toEqual([
    1,
    -2,
    2 ** -24,
    1023 * 2 ** -24,
    65504,
    Infinity,
    -Infinity,
    Number.NaN,
    -0,
  ]);
});

test('a checkpoint of transformers opens by its directory', async () => {
  const store = await openSafetensors(tinyModelDirectory);
  const { text } = await tinyConfig();
  const name = 'model.language_model.embed_tokens.weight';
  expect(store.tensors.get(name)?.shape).toEqual([text.vocabSize, text.hiddenSize]);
  expect(await store.read(name)).toHaveLength(text.vocabSize * text.hiddenSize);
  await expect(store.read('lm_head.weight')).rejects.toThrow('lm_head.weight');
  await store.close();
});

test('a sharded checkpoint opens as one', async () => {
  const sharded = await mkdtemp(join(directory, 'sharded-'));
  await writeSafetensors(join(sharded, 'a.safetensors'), [
    { name: 'x', shape: [1], data: Float32Array.of(1) },
  ]);
  await writeSafetensors(join(sharded, 'b.safetensors'), [
    { name: 'y', shape: [1], data: Float32Array.of(2) },
  ]);
  const index = join(sharded, 'model.safetensors.index.json');
  await writeFile(
    index,
    JSON.stringify({ weight_map: { x: 'a.safetensors', y: 'b.safetensors' } }),
  );
  const store = await openSafetensors(sharded);
  expect([...(await store.read('x')), ...(await store.read('y'))]).toEqual([1, 2]);
  await store.close();

  await writeFile(index, JSON.stringify({ weight_map: { z: 'a.safetensors' } }));
  await expect(openSafetensors(sharded)).rejects.toThrow('tensor z');
  await writeFile(index, JSON.stringify({ weight_map: { x: '../a.safetensors' } }));
  await expect(openSafetensors(sharded)).rejects.toThrow('model.safetensors.index.json');
});

test('a shard that is not there is named, and so is one that Git LFS has not fetched', async () => {
  const folder = await mkdtemp(join(directory, 'incomplete-'));
  await writeFile(
    join(folder, 'model.safetensors.index.json'),
    JSON.stringify({ weight_map: { x: 'model-00001-of-00002.safetensors' } }),
  );
  await expect(openSafetensors(folder)).rejects.toThrow(
    /model-00001-of-00002\.safetensors: expected a file that .*index\.json names, got no such file; /,
  );
  const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n';
  await writeFile(join(folder, 'model-00001-of-00002.safetensors'), pointer);
  await expect(openSafetensors(folder)).rejects.toThrow(/got a pointer of Git LFS .*git lfs pull/);
});

test.each([
  ['F8_E4M3', 4, 4],
  ['F8_E5M2', 4, 4],
  ['F8_E8M0', 4, 4],
  ['I8', 4, 4],
  ['U8', 4, 4],
  ['I4', 5, 3],
  ['F4', 4, 2],
  ['F6_E2M3', 4, 3],
  ['F64', 1, 8],
])('a tensor of type %s is there, but not read', async (dtype, count, bytes) => {
  const store = await openSafetensors(
    await fileWith({ x: entry(0, bytes, [count], dtype) }, bytes),
  );
  expect(store.tensors.get('x')).toMatchObject({ dtype, shape: [count] });
  await expect(store.read('x')).rejects.toThrow(
    new RegExp(`broken\\.safetensors: x: expected F32, F16 or BF16, got ${dtype}, `),
  );
  await store.close();
});

test.each([
  ['a header that is not JSON', '{"x":', 4],
  ['a header without offsets', { x: { dtype: 'F32', shape: [1] } }, 4],
  ['an unknown dtype', { x: entry(0, 4, [1], 'F7') }, 4],
  ['overlapping tensors', { x: entry(0, 8), y: entry(4, 12) }, 12],
  ['a gap between tensors', { x: entry(0, 4), y: entry(8, 12) }, 12],
  ['a tensor of the wrong length', { x: entry(0, 8, [3]) }, 8],
  ['missing data', { x: entry(0, 8) }, 4],
  ['data beyond the last tensor', { x: entry(0, 8) }, 12],
])('%s is one error that names the file', async (_, header, dataBytes) => {
  await expect(openSafetensors(await fileWith(header, dataBytes))).rejects.toThrow(
    'broken.safetensors',
  );
});

test('a file cut anywhere is refused', async () => {
  const path = join(directory, 'cut.safetensors');
  await writeSafetensors(path, [{ name: 'x', shape: [3], data: Float32Array.of(1, 2, 3) }]);
  const bytes = await readFile(path);
  for (let length = 0; length < bytes.length; length += 5) {
    await writeFile(path, bytes.subarray(0, length));
    await expect(openSafetensors(path)).rejects.toThrow('cut.safetensors');
  }
});

test('a failed write leaves the old file and nothing aside', async () => {
  const path = join(directory, 'kept.safetensors');
  const data = Float32Array.of(7);
  await writeSafetensors(path, [{ name: 'x', shape: [1], data }]);
  await expect(writeSafetensors(path, [{ name: 'x', shape: [2], data }])).rejects.toThrow(
    'internal',
  );
  const store = await openSafetensors(path);
  expect(Array.from(await store.read('x'))).toEqual([7]);
  await store.close();
  expect((await readdir(directory)).filter((name) => name.startsWith(unfinishedPrefix))).toEqual(
    [],
  );
});

test('of one file and an index of shards, the file counts, as in transformers', async () => {
  const folder = await mkdtemp(join(directory, 'both-'));
  await writeSafetensors(join(folder, 'old.safetensors'), [
    { name: 'x', data: Float32Array.of(1), shape: [1] },
  ]);
  await writeSafetensors(join(folder, 'model.safetensors'), [
    { name: 'x', data: Float32Array.of(2), shape: [1] },
  ]);
  for (const file of ['old.safetensors', 'gone-00001-of-00002.safetensors']) {
    const index = JSON.stringify({ weight_map: { x: file } });
    await writeFile(join(folder, 'model.safetensors.index.json'), index);
    const store = await openSafetensors(folder);
    expect(await store.read('x')).toEqual(Float32Array.of(2));
    await store.close();
  }
});
