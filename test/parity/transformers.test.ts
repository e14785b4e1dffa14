/** Whether `transformers` reads what MediX writes. Skipped where the parity environment is not installed. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readModelConfig } from '../../src/model/config.ts';
import { type ModelFiles, readModelFiles } from '../../src/model/files/model-files.ts';
import { newModelFiles } from '../../src/model/files/new-model-files.ts';
import { openSafetensors } from '../../src/model/files/safetensors.ts';
import { writeConfig } from '../../src/model/files/write-config.ts';
import { writeSafetensors } from '../../src/model/files/write-safetensors.ts';
import { createProcessor } from '../../src/model/processor.ts';
import { trainTokenizer } from '../../src/model/text/train-tokenizer.ts';
import {
  largestDifference,
  tinyCases,
  tinyConfig,
  tinyMessages,
  tinyModelDirectory,
  tinyTensor,
} from '../../src/model/tiny-model.fixture.ts';
import { readImageSettings } from '../../src/model/vision/image-settings.ts';
import { hasTransformers, python } from './python.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const imageDirectory = join(here, '../fixtures/qwen3-vl-tiny/images');

/** Merged by the same texts, so that the fixture's token ids and embeddings stay valid. */
const corpus = [
  'The chest X-ray shows a left lower lobe opacity. What is the most likely diagnosis?',
  'system\nYou are a careful radiologist.\nuser\nassistant\n',
  '<answer>pneumonia</answer> <think>the opacity lies in the left lung</think>',
  'What does this image show? Which organ is enlarged in the second image?',
];

const texts = [
  ' leading,  double   and trailing spaces  ',
  "It's WE'LL don't 'S 12345 x²½Ⅷ",
  'tab\there\r\nline\n\n\n  indented\u00A0nbsp\u2028sep\u0085next\uFEFFbom',
  'Größe e\u0301 Å ﬁ 肺炎 👩‍⚕️ हिन्दी Ελληνικά \u0000',
  '--- *** === <answer>B</answer>\n\n',
  '',
];

type Answer = {
  readonly missing: string[];
  readonly unexpected: string[];
  readonly eos: number[];
  readonly paddingSides: string[];
  readonly tokens: number[][];
  readonly inputIds: number[];
  readonly pixels: number[];
  readonly lastLogits: number[];
};

const tiny = tinyCases.find(({ name }) => name === 'two-images')!;

describe.skipIf(!hasTransformers)(`a model MediX writes, in transformers (${python})`, () => {
  let directory: string;
  let config: Awaited<ReturnType<typeof tinyConfig>>;
  let files: ModelFiles;
  let answer: Answer;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'medix-parity-'));
    config = await tinyConfig();
    files = newModelFiles(
      config,
      trainTokenizer(corpus, 400),
      readImageSettings(await readModelFiles(tinyModelDirectory)),
    );
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(directory, name), content);
    }
    const configFile = JSON.stringify(writeConfig(config)['config.json']);
    await writeFile(join(directory, 'config.json'), configFile);
    const store = await openSafetensors(tinyModelDirectory);
    const tensors = [];
    for (const [name, { shape }] of store.tensors) {
      tensors.push({ name, shape, data: await store.read(name) });
    }
    await store.close();
    await writeSafetensors(join(directory, 'model.safetensors'), tensors);
    const messages = tiny.messages.map(({ role, content }) => ({
      role,
      content: content.map((part) =>
        part.type === 'text' ? part : { type: 'image', image: join(imageDirectory, part.image) },
      ),
    }));
    const output = execFileSync(python, [join(here, 'load_model.py'), directory], {
      input: JSON.stringify({ texts, messages }),
      maxBuffer: 1 << 28,
      encoding: 'utf8',
    });
    answer = JSON.parse(output.trim().split('\n').at(-1)!);
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  test('config and weights load without a missing or unexpected tensor', async () => {
    expect(answer.missing).toEqual([]);
    expect(answer.unexpected).toEqual([]);
    expect(answer.eos).toEqual(config.tokens.eos);
    expect(await readModelConfig(directory)).toEqual(config);
  });

  test('prompts are padded on the left, as generation in batches needs it', () => {
    expect(answer.paddingSides).toEqual(['left', 'left']);
  });

  test('the trained tokenizer encodes every text the same', () => {
    const processor = createProcessor(files, config);
    const ours = texts.map((text) => Array.from(processor.encodeCompletion(text, false)));
    expect(ours).toEqual(answer.tokens);
  });

  test('prompt tokens, pixels and logits are those of the fixture', async () => {
    const prompt = await createProcessor(files, config).encode(tinyMessages(tiny));
    expect(Array.from(prompt.tokens)).toEqual(answer.inputIds);
    expect(answer.inputIds).toEqual(tiny.inputIds);
    expect(answer.pixels).toEqual(prompt.images.flatMap(({ patches }) => Array.from(patches)));
    const logits = await tinyTensor(tiny.name, 'logits');
    const last = (tiny.inputIds.length - 1) * config.text.vocabSize;
    const expected = logits.subarray(last, last + config.text.vocabSize);
    expect(largestDifference(answer.lastLogits, expected)).toBeLessThan(1e-4);
  });
});
