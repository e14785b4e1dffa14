import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyModelDirectory } from '../tiny-model.fixture.ts';
import { openModelSource } from './model-source.ts';
import { writeSafetensors } from './write-safetensors.ts';

let root: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'medix-source-'));
});
afterAll(() => rm(root, { recursive: true }));

const layer = 'model.language_model.layers.0.self_attn.q_proj';
const factors = [`${layer}.lora_A.weight`, `${layer}.lora_B.weight`];
const plain = {
  peft_type: 'LORA',
  base_model_name_or_path: tinyModelDirectory,
  r: 2,
  lora_alpha: 4,
};

async function adapterFolder(
  config: object,
  names: readonly string[] = factors.map((name) => `base_model.model.${name}`),
): Promise<string> {
  const folder = join(root, `adapter-${count++}`);
  await mkdir(folder);
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
  const tensors = names.map((name) => ({ name, shape: [1], data: new Float32Array(1) }));
  await writeSafetensors(join(folder, 'adapter_model.safetensors'), tensors);
  return folder;
}

it('a model folder stands for itself', async () => {
  expect(await openModelSource(tinyModelDirectory)).toEqual({
    name: tinyModelDirectory,
    folder: tinyModelDirectory,
    adapter: undefined,
  });
});

it('an adapter stands for itself on the base that it names', async () => {
  const folder = await adapterFolder(plain);
  expect(await openModelSource(folder)).toEqual({
    name: folder,
    folder: tinyModelDirectory,
    adapter: {
      folder,
      base: tinyModelDirectory,
      rank: 2,
      alpha: 4,
      rankStabilized: false,
      dropout: 0,
      layers: [layer],
      trainedOn: undefined,
    },
  });
});

it('a relative path of a base is taken from the folder of the adapter', async () => {
  await cp(tinyModelDirectory, join(root, 'base'), { recursive: true });
  const folder = await adapterFolder({ ...plain, base_model_name_or_path: '../base' });
  expect((await openModelSource(folder)).folder).toBe(join(root, 'base'));
});

it('a base that is not there is told with where to write its path', async () => {
  const folder = await adapterFolder({ ...plain, base_model_name_or_path: 'Qwen/Absent' });
  await expect(openModelSource(folder)).rejects.toThrow(
    /adapter_config\.json: base_model_name_or_path: expected .*, got "Qwen\/Absent", where there is none; download that model .* write the path/,
  );
});

describe('what is not computed here is refused by its name', () => {
  it.each([
    ['peft_type', 'PREFIX_TUNING'],
    ['use_dora', true],
    ['bias', 'lora_only'],
    ['modules_to_save', ['lm_head']],
    ['rank_pattern', { q_proj: 4 }],
    ['alpha_pattern', { q_proj: 4 }],
    ['fan_in_fan_out', true],
    ['lora_bias', true],
    ['init_lora_weights', 'pissa_niter_4'],
    ['trainable_token_indices', [1]],
    ['layer_replication', [[0, 1]]],
    ['target_parameters', ['experts']],
    ['alora_invocation_tokens', [1, 2]],
    ['use_something_new', { a: 1 }],
  ])('%s', async (field, value) => {
    const folder = await adapterFolder({ ...plain, [field]: value });
    await expect(openModelSource(folder)).rejects.toThrow(
      `adapter_config.json: ${field}: expected`,
    );
  });

  it('a tensor that is no factor', async () => {
    const folder = await adapterFolder(plain, ['base_model.model.lm_head.weight']);
    await expect(openModelSource(folder)).rejects.toThrow(/got base_model\.model\.lm_head\.weight/);
  });

  it('weights that are not in safetensors', async () => {
    const folder = await adapterFolder(plain);
    await rm(join(folder, 'adapter_model.safetensors'));
    await expect(openModelSource(folder)).rejects.toThrow(/safe_serialization=True/);
  });
});

it('all that peft writes by default is read', async () => {
  const folder = await adapterFolder({
    ...plain,
    ...{ auto_mapping: null, bias: 'none', corda_config: null, ensure_weight_tying: false },
    ...{ fan_in_fan_out: false, inference_mode: true, init_lora_weights: true, loftq_config: {} },
    ...{ lora_dropout: 0.05, megatron_core: 'megatron.core', modules_to_save: null },
    ...{ peft_version: '0.21.2', qalora_group_size: 16, rank_pattern: {}, use_rslora: true },
    ...{ target_modules: ['q_proj'], task_type: 'CAUSAL_LM', use_bdlora: null, use_dora: false },
  });
  expect((await openModelSource(folder)).adapter).toMatchObject({
    rankStabilized: true,
    dropout: 0.05,
  });
});
