import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { tinyModelDirectory } from '../../../model/tiny-model.fixture.ts';
import { openLocalEngine } from '../local-engine.ts';

const directory = await mkdtemp(join(tmpdir(), 'medix-sizes-'));
afterAll(() => rm(directory, { recursive: true }));

test.each([
  ['text_config', 'vocab_size', 1_000_000_000, /vocab_size/],
  ['text_config', 'vocab_size', 16_000_000, /embed_tokens.weight: expected shape \[16000000, 64\]/],
  ['text_config', 'intermediate_size', 16_000_000, /gate_proj.weight: expected shape/],
  ['text_config', 'num_hidden_layers', 1_000_000_000, /num_hidden_layers/],
  ['text_config', 'num_hidden_layers', 1000, /layers.3.*: expected shape .* no such tensor/],
  ['vision_config', 'intermediate_size', 16_000_000, /linear_fc1.weight: expected shape/],
])(
  'a %s whose %s is %i is refused before memory is taken for it',
  async (part, key, value, message) => {
    const model = join(directory, `${key}-${value}`);
    await cp(tinyModelDirectory, model, { recursive: true });
    const path = join(model, 'config.json');
    const config = JSON.parse(await readFile(path, 'utf8'));
    config[part][key] = value;
    await writeFile(path, JSON.stringify(config));
    const before = process.memoryUsage().arrayBuffers;
    await expect(openLocalEngine(model)).rejects.toThrow(message);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24);
  },
);
