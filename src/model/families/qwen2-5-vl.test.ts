import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseModelConfig } from '../config.ts';
import { writeConfig } from '../files/write-config.ts';
import { parameterSpecs } from '../parameters.ts';
import { windowedConfig, windowedModelDirectory } from '../tiny-qwen2-5-vl.fixture.ts';

type Json = Record<string, unknown>;

const written: Json = JSON.parse(readFileSync(`${windowedModelDirectory}/config.json`, 'utf8'));
const generation = readFileSync(`${windowedModelDirectory}/generation_config.json`, 'utf8');
const tiny = await windowedConfig();

function parse(config: Json) {
  const files = { 'config.json': JSON.stringify(config), 'generation_config.json': generation };
  return parseModelConfig(files, 'model');
}

/** The same in the layout of published checkpoints. */
function published(changes: Json = {}, vision: Json = {}): Json {
  const { text_config, vision_config, ...outer } = written;
  const { rope_parameters: _, layer_types: __, ...text } = text_config as Json;
  const { rope_parameters: ___, in_channels, ...tower } = vision_config as Json;
  return {
    ...text,
    ...outer,
    rope_theta: 10_000,
    rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] },
    sliding_window: 32_768,
    vision_token_id: 1,
    vision_config: { ...tower, in_chans: in_channels, spatial_patch_size: 6, ...vision },
    ...changes,
  };
}

test('a config written by transformers 5 is read', () => {
  expect(tiny).toEqual({
    family: 'qwen2_5_vl',
    text: {
      vocabSize: 400,
      hiddenSize: 48,
      intermediateSize: 40,
      layers: 2,
      heads: 3,
      kvHeads: 1,
      headDim: 16,
      rmsNormEps: 1e-6,
      ropeTheta: 10_000,
      ropeScaling: undefined,
      mrope: { layout: 'sections', section: [2, 3, 3] },
      maxPositions: 1024,
      tieWordEmbeddings: false,
      attentionBias: true,
      queryKeyNorm: false,
      prefix: 'model.language_model.',
    },
    vision: {
      tower: 'windowed',
      tokens: { image: 398, video: 399, start: 396, end: 397 },
      depth: 4,
      hiddenSize: 16,
      intermediateSize: 20,
      heads: 2,
      inChannels: 3,
      patchSize: 6,
      temporalPatchSize: 2,
      spatialMergeSize: 2,
      outHiddenSize: 48,
      ropeTheta: 10_000,
      windowSide: 2,
      fullAttentionBlocks: [1, 3],
      deepstackLayers: [],
    },
    tokens: { eos: [395, 393], pad: 393 },
  });
});

test('the layout of published checkpoints gives the same', () => {
  expect(parse(published())).toEqual(tiny);
});

test('a tied head may be named in either part', () => {
  const text = { ...(written['text_config'] as Json), tie_word_embeddings: true };
  expect(parse({ ...written, text_config: text }).text.tieWordEmbeddings).toBe(true);
  expect(parse(published({ tie_word_embeddings: true })).text.tieWordEmbeddings).toBe(true);
});

describe('a written config', () => {
  const config = writeConfig(tiny)['config.json'] as Json;

  test('reads back unchanged', () => {
    expect(parse(config)).toEqual(tiny);
  });

  test('reads back unchanged by readers of the published layout alone', () => {
    const { text_config: _, ...flat } = config;
    expect(parse(flat)).toEqual(tiny);
  });
});

test.each([
  ['a sliding window', published({ use_sliding_window: true }), /use_sliding_window: .*sliding/],
  [
    'scaled positions',
    published({ rope_scaling: { type: 'yarn', factor: 4 } }),
    /rope_scaling\.rope_type: expected 'default' or 'mrope', got 'yarn'/,
  ],
  ['another activation', published({}, { hidden_act: 'quick_gelu' }), /vision_config\.hidden_act/],
  [
    'a window smaller than a merged block',
    published({}, { window_size: 11 }),
    /vision_config\.window_size: expected pixels of 1 to 64 merged blocks of 12, got 0/,
  ],
  ['a tower of another width', published({}, { out_hidden_size: 32 }), /out_hidden_size/],
  [
    'sections that do not fill a head',
    published({ rope_scaling: { type: 'mrope', mrope_section: [2, 3, 2] } }),
    /mrope_section: expected sections that sum to head_dim \/ 2 = 8/,
  ],
  ['heads that do not share the width', published({ num_attention_heads: 5 }), /head_dim/],
])('%s is refused by name', (_, config, message) => {
  expect(() => parse(config)).toThrow(message);
});

test.each([
  [
    '3B',
    3_754_622_976,
    {
      ...{ hidden_size: 2048, intermediate_size: 11_008, num_hidden_layers: 36 },
      ...{ num_attention_heads: 16, num_key_value_heads: 2, vocab_size: 151_936 },
      tie_word_embeddings: true,
    },
  ],
  [
    '7B',
    8_292_166_656,
    {
      ...{ hidden_size: 3584, intermediate_size: 18_944, num_hidden_layers: 28 },
      ...{ num_attention_heads: 28, num_key_value_heads: 4, vocab_size: 152_064 },
    },
  ],
])('a published config of %s has as many parameters as its checkpoint', (_, count, text) => {
  const config = published(
    { ...text, rope_scaling: { type: 'mrope', mrope_section: [16, 24, 24] } },
    {
      ...{ depth: 32, hidden_size: 1280, intermediate_size: 3420, num_heads: 16 },
      ...{ out_hidden_size: text.hidden_size, patch_size: 14, window_size: 112 },
      fullatt_block_indexes: [7, 15, 23, 31],
    },
  );
  const model = parse(config);
  expect(model.vision).toMatchObject({ windowSide: 4 });
  const sizes = parameterSpecs(model).map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(count);
});
