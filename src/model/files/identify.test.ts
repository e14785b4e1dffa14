import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tinyModelDirectory } from '../tiny-model.fixture.ts';
import { identify, requireModelFolder } from './identify.ts';
import { familyOf } from './model-families.ts';

const root = await mkdtemp(join(tmpdir(), 'medix-identify-'));
afterAll(() => rm(root, { recursive: true }));

let count = 0;
type Content = string | object;

/** A folder with these files; an object is written as JSON. */
async function folderOf(files: Readonly<Record<string, Content>>): Promise<string> {
  const folder = join(root, `model-${++count}`);
  await mkdir(folder);
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

const config = { model_type: 'qwen3_vl' };
const lfs = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n';
/** A safetensors file without tensors whose metadata name a format. */
const safetensors = (format: string) => {
  const header = JSON.stringify({ __metadata__: { format } });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return `${length.toString('latin1')}${header}`;
};
const weights = { 'model.safetensors': safetensors('pt') };

describe('a folder that is no model is named', () => {
  it.each<[what: RegExp, next: RegExp, files: Readonly<Record<string, Content>>]>([
    [
      /^an adapter of MLX for mlx-community\/Q/,
      /fuse/,
      {
        'adapter_config.json': { model: 'mlx-community/Q', fine_tune_type: 'lora' },
        'adapters.safetensors': safetensors('mlx'),
      },
    ],
    [
      /^a model converted for MLX, quantised to 4 bits/,
      /converted from/,
      { 'config.json': { ...config, quantization: { group_size: 64, bits: 4 } }, ...weights },
    ],
    [
      /^a model converted for MLX, whose/,
      /converted from/,
      { 'config.json': config, 'model.safetensors': safetensors('mlx') },
    ],
    [
      /quantised \(fp8\)$/,
      /bfloat16/,
      { 'config.json': { ...config, quantization_config: { quant_method: 'fp8' } }, ...weights },
    ],
    [/^a folder with GGUF weights/, /judge\.kind=gguf/, { 'm-Q4_K_M.gguf': 'GGUF' }],
    [/^a folder with GGUF weights/, /model\.kind=openai/, { 'config.json': config, 'm.gguf': '' }],
    [/^a diffusers pipeline/, /Hugging Face/, { 'model_index.json': {}, 'unet/config.json': {} }],
    [
      /^a sentence encoder/,
      /embedder/,
      { 'modules.json': [], 'config.json': { model_type: 'bert' }, ...weights },
    ],
    [/^an OpenCLIP model/, /Hugging Face/, { 'open_clip_config.json': {} }],
    [/not in safetensors$/, /save_pretrained/, { 'config.json': config, 'pytorch_model.bin': '' }],
    [/not in safetensors$/, /save_pretrained/, { 'config.json': config, 'tf_model.h5': '' }],
    [/pointer of Git LFS$/, /git lfs pull/, { 'config.json': config, 'model.safetensors': lfs }],
    [/^weights without their config/, /add config\.json/, weights],
    [/^a model exported to ONNX/, /Hugging Face/, { 'onnx/model.onnx': '' }],
    [
      /^a training checkpoint in shards/,
      /model_merger/,
      { 'model_world_size_8_rank_0.pt': '', 'huggingface/config.json': config },
    ],
    [/^a training checkpoint in shards/, /merge/, { '__0_0.distcp': '' }],
    [/layout of its makers$/, /convert/, { 'params.json': {}, 'consolidated.00.pth': '' }],
    [
      /^a model in the cache of the Hugging Face hub$/,
      /give a snapshot in it: .*snapshots.abc$/,
      { 'snapshots/abc/config.json': config, 'refs/main': 'abc' },
    ],
    [
      /^the directory of a run$/,
      /model-\d+.model$/,
      { 'manifest.json': {}, 'attempts/0001.json': {}, 'model/config.json': config },
    ],
    [
      /^the directory of a run that has no model yet$/,
      /--resume/,
      { 'manifest.json': {}, 'attempts/0001.json': {} },
    ],
    [/^a checkpoint of a run/, /folder model/, { 'engine.json': {}, ...weights }],
    [/^the results of an evaluation$/, /./, { 'manifest.json': {}, 'responses/a.jsonl': '' }],
    [
      /^a folder without config\.json, but with a model in .*v1$/,
      /^give .*v1$/,
      { 'README.md': '', 'v1/config.json': config },
    ],
    [/^a folder without config\.json$/, /Hugging Face/, { 'notes.txt': '' }],
    [/^an empty folder$/, /Hugging Face/, {}],
  ])('%s', async (what, next, files) => {
    expect(await identify(await folderOf(files))).toEqual({
      kind: 'other',
      what: expect.stringMatching(what),
      next: expect.stringMatching(next),
    });
  });

  it('and one that is a model is not', async () => {
    for (const folder of [
      tinyModelDirectory,
      await folderOf({ 'config.json': config, ...weights }),
      await folderOf({ 'config.json': config, 'model.safetensors.index.json': {} }),
      // Not its folder but its config is to blame, and is, by whoever reads it.
      await folderOf({ 'config.json': '{', ...weights }),
      await folderOf({ 'config.json': config, 'adapter_config.json': {}, ...weights }),
    ]) {
      expect(await identify(folder)).toEqual({ kind: 'model-folder' });
    }
  });
});

describe('the folder of an adapter is told from that of a model', () => {
  const base_model_name_or_path = 'Qwen/Qwen3-VL-2B-Instruct';
  const adapter = { 'adapter_config.json': { peft_type: 'LORA', base_model_name_or_path } };
  const factors = { 'adapter_model.safetensors': safetensors('pt') };

  it.each<[what: RegExp, files: Readonly<Record<string, Content>>]>([
    [
      /^a LoRA adapter for Qwen\/Qwen3-VL-2B-Instruct, not a whole model$/,
      { ...adapter, ...factors },
    ],
    // Some trainers lay a copy of the base's config beside it.
    [/^a LoRA adapter for Qwen/, { ...adapter, ...factors, 'config.json': config }],
    [/^a LoRA adapter for its base model/, { 'adapter_config.json': '{' }],
    [
      /^an adapter \(PROMPT_TUNING\) for x/,
      { 'adapter_config.json': { peft_type: 'PROMPT_TUNING', base_model_name_or_path: 'x' } },
    ],
  ])('%s', async (what, files) => {
    const folder = await folderOf(files);
    expect(await identify(folder)).toEqual({ kind: 'adapter', what: expect.stringMatching(what) });
    await expect(requireModelFolder(folder)).rejects.toThrow(/medix export --merge/);
  });
});

describe('a file that is given for a folder is named', () => {
  it.each([
    ['model.safetensors', safetensors('pt'), 'a single file of a model'],
    ['config.json', '{}', 'a single file of a model'],
    ['model.onnx', '', 'an ONNX graph'],
    ['pytorch_model.bin', '', 'weights in a format of another framework'],
    ['model.tar.gz', '', 'an archive'],
    ['weights', lfs, 'a pointer of Git LFS to a file that was not fetched'],
    ['notes.txt', '', 'a file of an unknown kind'],
  ])('%s', async (name, content, what) => {
    const folder = await folderOf({ [name]: content });
    expect(await identify(join(folder, name))).toMatchObject({ kind: 'other', what });
  });

  it('a GGUF file by what it begins with, whatever its name', async () => {
    const path = join(await folderOf({ blob: 'GGUF\u0003' }), 'blob');
    await expect(requireModelFolder(path)).rejects.toThrow(
      /blob: expected the folder of a checkpoint .*, got a GGUF file \(for llama\.cpp\); .*judge\.kind=gguf/,
    );
  });
});

describe('a path where nothing is', () => {
  it.each([
    ['Qwen/Qwen3-VL-2B-Instruct', 'Qwen/Qwen3-VL-2B-Instruct'],
    ['MBZUAI/MediX-R1-8B@main', 'MBZUAI/MediX-R1-8B'],
    ['unsloth/Qwen3-VL-GGUF:Q4_K_M', 'unsloth/Qwen3-VL-GGUF'],
    ['https://huggingface.co/Qwen/Qwen3-VL-2B-Instruct', 'Qwen/Qwen3-VL-2B-Instruct'],
    ['https://huggingface.co/Qwen/Qwen3-VL/tree/main', 'Qwen/Qwen3-VL'],
    ['hf://Qwen/Qwen3-VL', 'Qwen/Qwen3-VL'],
    ['hf.co/Qwen/Qwen3-VL', 'Qwen/Qwen3-VL'],
  ])('that looks like an id of the hub says what to give instead: %s', async (path, id) => {
    expect(await identify(path)).toEqual({
      kind: 'other',
      what: `no such folder; it looks like the id of a model on the Hugging Face hub (${id})`,
      next: `give ${id}, or ${id}@revision, to have it downloaded`,
    });
  });

  it.each(['missing', '/nowhere/model', './a/b', '../a/b', 'src/missing', 'a/b/c', ''])(
    'is else only said to be missing: "%s"',
    async (path) => {
      expect(await identify(path)).toMatchObject({ what: 'no such file or folder' });
    },
  );
});

it.each([
  ['clip', /encoder of images and texts/],
  ['siglip2', /encoder of images and texts/],
  ['chinese_clip', /encoder of images and texts/],
  ['bert', /encoder of texts/],
  ['xlm-roberta', /encoder of texts/],
  ['qwen3_vl_moe', /mixture-of-experts/],
  ['qwen2_vl', /another generation/],
  ['qwen3_moe', /mixture-of-experts/],
  ['mixtral', /mixture-of-experts/],
  ['mistral', /language model of another family/],
  ['llava_next', /vision-language model of another family/],
  ['gemma3', /vision-language model of another family/],
  ['gemma3_text', /language model of another family/],
  ['mistral3', /vision-language model of another family/],
  ['dinov2', /encoder of images, which/],
  ['t5', /text into text/],
  ['whisper', /speech/],
])('a model of type %s is named by its family', (type, what) => {
  expect(familyOf(type)).toMatch(what);
});

it('a type that nobody knows has no family', () => {
  expect(familyOf('somethingelse')).toBeUndefined();
});
