import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MedixError } from '../core/errors.ts';
import { parseModelConfig, readModelConfig } from './config.ts';
import { readModelFiles } from './files/model-files.ts';
import { writeConfig } from './files/write-config.ts';
import { createProcessor } from './processor.ts';
import { tinyModelDirectory } from './tiny-model.fixture.ts';

type Json = Record<string, unknown>;

function tinyFile(name: string): Json {
  return JSON.parse(readFileSync(`${tinyModelDirectory}/${name}`, 'utf8'));
}

/** The tiny config with some text settings replaced. */
function withText(changes: Json): Json {
  const config = tinyFile('config.json');
  return { ...config, text_config: { ...(config['text_config'] as Json), ...changes } };
}

function withVision(changes: Json): Json {
  const config = tinyFile('config.json');
  return { ...config, vision_config: { ...(config['vision_config'] as Json), ...changes } };
}

const generation = tinyFile('generation_config.json');

function parse(config: Json, generationFile: Json | undefined, directory = 'model') {
  const files = { 'config.json': JSON.stringify(config) };
  return parseModelConfig(
    generationFile ? { ...files, 'generation_config.json': JSON.stringify(generationFile) } : files,
    directory,
  );
}

test('a config written by transformers is read', async () => {
  const config = await readModelConfig(tinyModelDirectory);
  expect(config.text).toEqual({
    vocabSize: 400,
    hiddenSize: 64,
    intermediateSize: 96,
    layers: 3,
    heads: 4,
    kvHeads: 2,
    headDim: 16,
    rmsNormEps: 1e-6,
    ropeTheta: 10_000,
    mrope: { layout: 'interleaved', section: [4, 2, 2] },
    maxPositions: 1024,
    tieWordEmbeddings: true,
    attentionBias: false,
    queryKeyNorm: true,
    prefix: 'model.language_model.',
  });
  expect(config.vision).toMatchObject({ depth: 3, positions: 16, deepstackLayers: [0, 2] });
  expect(config.vision?.tokens).toEqual({ image: 398, video: 399, start: 396, end: 397 });
  expect(config.tokens).toEqual({ eos: [395, 393], pad: 393 });
});

test('the older rotary keys of public checkpoints give the same config', () => {
  const older = withText({
    rope_parameters: undefined,
    rope_theta: 5_000_000,
    rope_scaling: { rope_type: 'default', mrope_interleaved: true, mrope_section: [4, 2, 2] },
  });
  const { text } = parse(older, generation);
  expect(text).toMatchObject({ ropeTheta: 5_000_000, mrope: { section: [4, 2, 2] } });
});

test('end tokens come from config.json where there is no generation_config.json', () => {
  const { tokens } = parse(withText({ eos_token_id: 395 }), undefined);
  expect(tokens).toMatchObject({ eos: [395], pad: 395 });
});

test('a written config reads back unchanged', async () => {
  const config = await readModelConfig(tinyModelDirectory);
  const files = writeConfig(config);
  expect(parse(files['config.json'], files['generation_config.json'])).toEqual(config);
});

test.each([
  ['another architecture', { ...tinyFile('config.json'), architectures: ['LlamaForCausalLM'] }],
  ['a scaled rotary embedding', withText({ rope_scaling: { rope_type: 'yarn', factor: 4 } })],
  ['another activation', withText({ hidden_act: 'gelu' })],
  ['sections that do not fill a head', withText({ rope_scaling: { mrope_section: [4, 2, 1] } })],
  ['KV heads that do not divide the heads', withText({ num_key_value_heads: 3 })],
  ['a vocabulary without the image token', withText({ vocab_size: 390 })],
  ['a vision tower of another width', withVision({ out_hidden_size: 32 })],
  ['a position table that is not square', withVision({ num_position_embeddings: 15 })],
  ['a DeepStack layer that does not exist', withVision({ deepstack_visual_indexes: [0, 3] })],
])('%s is refused with an error that names the file', (_, config) => {
  const read = () => parse(config, generation, 'some/model');
  expect(read).toThrow(MedixError);
  expect(read).toThrow('some/model/config.json');
});

test('a model whose files name no end token has none but the end of turn of its tokenizer', async () => {
  const config = parse(tinyFile('config.json'), undefined);
  expect(config.tokens).toMatchObject({ eos: [], pad: 0 });
  expect(parse(tinyFile('config.json'), { eos_token_id: null }).tokens.eos).toEqual([]);
  const files = await readModelFiles(tinyModelDirectory);
  const { stopTokens, encodeCompletion } = createProcessor(files, config);
  expect(stopTokens).toEqual([395]);
  expect([...encodeCompletion('yes', true)].at(-1)).toBe(395);
  const written = writeConfig(config);
  expect(parse(written['config.json'], written['generation_config.json'])).toEqual(config);

  const settings = JSON.parse(files['tokenizer_config.json'] ?? '');
  const unended = { ...settings, eos_token: null };
  const bare = { ...files, 'tokenizer_config.json': JSON.stringify(unended) };
  const processor = createProcessor(bare, config);
  expect(processor.stopTokens).toEqual([]);
  expect(processor.encodeCompletion('yes', false).length).toBeGreaterThan(0);
  expect(() => processor.encodeCompletion('yes', true)).toThrow(
    /tokenizer_config\.json: eos_token: expected a token that ends a turn/,
  );
});

test.each([
  [
    withText({ attention_bias: true }),
    /text_config\.attention_bias: expected false, .* attention with bias is not computed here, got true; /,
  ],
  [withText({ hidden_act: 'gelu' }), /text_config\.hidden_act: expected "silu", got "gelu"; /],
  [
    withText({ num_hidden_layers: 'x'.repeat(500) }),
    /num_hidden_layers: expected .*, got "x{99}; /,
  ],
  [
    { ...tinyFile('config.json'), model_type: 'clip' },
    /model_type: expected one of qwen3_vl, qwen2_5_vl, qwen3, qwen2, llama, got "clip", an encoder of images and texts, .*; .*model\.kind=openai/,
  ],
  [
    { ...tinyFile('config.json'), model_type: 'qwen3_vl_moe' },
    /got "qwen3_vl_moe", a mixture-of-experts Qwen3-VL; /,
  ],
])('what is not computed is named: %#', (config, message) => {
  expect(() => parse(config, generation)).toThrow(message);
});

test('a missing directory is reported with its path', async () => {
  await expect(readModelConfig('/nowhere/model')).rejects.toThrow(
    /^\/nowhere\/model: expected the folder of a checkpoint .*, got no such file or folder; /,
  );
});
