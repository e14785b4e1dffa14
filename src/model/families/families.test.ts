import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseModelConfig, readModelConfig } from '../config.ts';
import { writeConfig } from '../files/write-config.ts';
import { parameterSpecs } from '../parameters.ts';
import { textFamilies, textFamily } from '../text-families.fixture.ts';

type Json = Record<string, unknown>;

function configOf(name: string, changes: Json = {}): Json {
  const text = readFileSync(`${textFamily(name).model}/config.json`, 'utf8');
  return { ...JSON.parse(text), ...changes };
}

function parse(config: Json, generation?: Json) {
  const files = { 'config.json': JSON.stringify(config) };
  const both = { ...files, 'generation_config.json': JSON.stringify(generation) };
  return parseModelConfig(generation ? both : files, 'model');
}

describe.each(textFamilies)('a config.json of the family $name', ({ model, name }) => {
  it('that was written here reads back unchanged', async () => {
    const config = await readModelConfig(model);
    const written = writeConfig(config);
    expect(parse(written['config.json'], written['generation_config.json'])).toEqual(config);
    expect(parse(written['config.json'])).toEqual(config);
    expect(written['config.json']).toMatchObject({
      architectures: configOf(name)['architectures'],
      model_type: name,
    });
  });

  it('may have the rotary keys of before transformers 5', async () => {
    const { rope_parameters, ...rest } = configOf(name);
    const { rope_theta, ...scaling } = rope_parameters as Json;
    const older = parse({ ...rest, rope_theta, rope_scaling: name === 'llama' ? scaling : null });
    expect(older.text).toEqual((await readModelConfig(model)).text);
  });

  it.each([
    [{ hidden_act: 'gelu' }, /hidden_act: expected "silu", got "gelu"; /],
    [
      { rope_scaling: { rope_type: 'yarn', factor: 4 } },
      /model\/config\.json: rope_scaling\.rope_type: expected 'default' or 'llama3', got 'yarn'; /,
    ],
    [
      { rope_parameters: { rope_type: 'llama3', factor: 8 } },
      /rope_parameters: expected factor of at least 1, .*, got 8, undefined and undefined; /,
    ],
    [
      { use_sliding_window: true },
      /use_sliding_window: expected false, since attention over a sliding window is not computed here, got true; /,
    ],
    [
      { layer_types: ['full_attention', 'sliding_attention'] },
      /layer_types\.1: expected "full_attention", .*, got "sliding_attention"; /,
    ],
    [{ attention_bias: true }, /attention_bias: expected false, .* attention with bias /],
    [{ mlp_bias: true }, /mlp_bias: expected false, .* a feed-forward layer with bias /],
    [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor: expected 1, /],
    [{ num_key_value_heads: 5 }, /num_key_value_heads: expected a divisor of /],
    [{ head_dim: 15 }, /config\.json: head_dim: expected an even number, got 15; /],
    [{ eos_token_id: 320 }, /token ids below the vocabulary size 320, got 320; /],
    [{ architectures: ['OtherForSequenceClassification'] }, /architectures\.0: expected "/],
  ])('with a setting that is not computed here is refused by name: %j', (changes, message) => {
    expect(() => parse(configOf(name, changes))).toThrow(message);
  });
});

it('a model in the shape of SmolLM2-135M has as many parameters as that', () => {
  const { rope_parameters: _, head_dim: __, ...rest } = configOf('llama');
  const config = parse({
    ...rest,
    ...{ hidden_size: 576, intermediate_size: 1536, num_hidden_layers: 30, vocab_size: 49_152 },
    ...{ max_position_embeddings: 8192, rope_theta: 100_000, rope_scaling: null },
  });
  expect(config.text).toMatchObject({ headDim: 64, heads: 9, kvHeads: 3, ropeTheta: 100_000 });
  const elements = parameterSpecs(config).map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  expect(elements.reduce((sum, size) => sum + size, 0)).toBe(134_515_008);
});

it.each(['qwen3_moe', 'qwen2_moe', 'qwen3_vl_moe', 'mixtral'])(
  'a mixture of experts is told as such, with the way out: %s',
  (type) => {
    expect(() => parse(configOf('qwen3', { model_type: type }))).toThrow(
      /model_type: expected one of qwen3_vl, qwen2_5_vl, qwen3, qwen2, llama, got "\w+", a mixture-of-experts .*; .*model\.kind=openai.*engine\.kind=module/,
    );
  },
);
